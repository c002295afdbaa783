//! The field names that a proxy treats specially.

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident $name:literal)*) => {
        /// A field's name, as far as a proxy cares.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Known {
            /// Every name that is not listed here.
            #[default]
            Other,
            $($(#[$doc])* $variant,)*
            /// Any other name that begins with `l5d-`.
            L5dOther,
            /// A name that becomes one of the routers' own (`l5d-…`) when `_` is read as `-`, as CGI and its heirs do.
            L5dDisguised,
            /// A name that becomes one of framing, of the connection, or of a client's certificate when `_` is read as `-`.
            Disguised,
        }

        impl Known {
            /// Those with one name each.
            pub const NAMED: &[Self] = &[$(Self::$variant,)*];

            /// The name as we write it, in lower case; empty for those that stand for many names.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other | Self::L5dOther | Self::L5dDisguised | Self::Disguised => "",
                }
            }
        }
    };
}

known! {
    /// `host`
    Host "host"
    /// `content-length`
    ContentLength "content-length"
    /// `transfer-encoding`
    TransferEncoding "transfer-encoding"
    /// `connection`
    Connection "connection"
    /// `keep-alive`
    KeepAlive "keep-alive"
    /// `proxy-connection`
    ProxyConnection "proxy-connection"
    /// `te`
    Te "te"
    /// `trailer`
    Trailer "trailer"
    /// `upgrade`
    Upgrade "upgrade"
    /// `http2-settings`, which belongs to an upgrade.
    Http2Settings "http2-settings"
    /// `expect`
    Expect "expect"
    /// `proxy-authenticate`
    ProxyAuthenticate "proxy-authenticate"
    /// `proxy-authorization`
    ProxyAuthorization "proxy-authorization"
    /// `proxy-authentication-info`
    ProxyAuthenticationInfo "proxy-authentication-info"
    /// `via`
    Via "via"
    /// `max-forwards`
    MaxForwards "max-forwards"
    /// `forwarded`
    Forwarded "forwarded"
    /// `date`
    Date "date"
    /// `location`
    Location "location"
    /// `refresh`
    Refresh "refresh"
    /// `content-encoding`
    ContentEncoding "content-encoding"
    /// `content-type`
    ContentType "content-type"
    /// `accept-encoding`
    AcceptEncoding "accept-encoding"
    /// `vary`
    Vary "vary"
    /// `traceparent`
    Traceparent "traceparent"
    /// `tracestate`
    Tracestate "tracestate"
    /// `x-forwarded-client-cert`
    XForwardedClientCert "x-forwarded-client-cert"
    /// `l5d-dtab`
    L5dDtab "l5d-dtab"
    /// `l5d-ctx-dtab`
    L5dCtxDtab "l5d-ctx-dtab"
    /// `l5d-ctx-trace`
    L5dCtxTrace "l5d-ctx-trace"
    /// `l5d-ctx-deadline`
    L5dCtxDeadline "l5d-ctx-deadline"
    /// `l5d-reqid`
    L5dReqid "l5d-reqid"
    /// `l5d-sample`
    L5dSample "l5d-sample"
    /// `l5d-dst-service`
    L5dDstService "l5d-dst-service"
    /// `l5d-dst-client`
    L5dDstClient "l5d-dst-client"
    /// `l5d-dst-residual`
    L5dDstResidual "l5d-dst-residual"
    /// `l5d-err`
    L5dErr "l5d-err"
    /// `l5d-retryable`
    L5dRetryable "l5d-retryable"
    /// `l5d-success-class`
    L5dSuccessClass "l5d-success-class"
}

impl Known {
    /// What a name is, in any case.
    ///
    /// Its length and its first letter leave hardly more than one to compare with.
    pub fn of(name: &[u8]) -> Self {
        let first = name.first().map_or(0, u8::to_ascii_lowercase);
        match (name.len(), first) {
            (2, b't') => Self::of_these([(Self::Te, b"te")], name),
            (3, b'v') => Self::of_these([(Self::Via, b"via")], name),
            (4, b'd') => Self::of_these([(Self::Date, b"date")], name),
            (4, b'h') => Self::of_these([(Self::Host, b"host")], name),
            (4, b'v') => Self::of_these([(Self::Vary, b"vary")], name),
            (6, b'e') => Self::of_these([(Self::Expect, b"expect")], name),
            (7, b'l') => Self::of_these([(Self::L5dErr, b"l5d-err")], name),
            (7, b'r') => Self::of_these([(Self::Refresh, b"refresh")], name),
            (7, b't') => Self::of_these([(Self::Trailer, b"trailer")], name),
            (7, b'u') => Self::of_these([(Self::Upgrade, b"upgrade")], name),
            (8, b'l') => Self::of_these(
                [(Self::Location, b"location"), (Self::L5dDtab, b"l5d-dtab")],
                name,
            ),
            (9, b'f') => Self::of_these([(Self::Forwarded, b"forwarded")], name),
            (9, b'l') => Self::of_these([(Self::L5dReqid, b"l5d-reqid")], name),
            (10, b'c') => Self::of_these([(Self::Connection, b"connection")], name),
            (10, b'k') => Self::of_these([(Self::KeepAlive, b"keep-alive")], name),
            (10, b'l') => Self::of_these([(Self::L5dSample, b"l5d-sample")], name),
            (10, b't') => Self::of_these([(Self::Tracestate, b"tracestate")], name),
            (11, b't') => Self::of_these([(Self::Traceparent, b"traceparent")], name),
            (12, b'c') => Self::of_these([(Self::ContentType, b"content-type")], name),
            (12, b'l') => Self::of_these([(Self::L5dCtxDtab, b"l5d-ctx-dtab")], name),
            (12, b'm') => Self::of_these([(Self::MaxForwards, b"max-forwards")], name),
            (13, b'l') => Self::of_these(
                [
                    (Self::L5dCtxTrace, b"l5d-ctx-trace"),
                    (Self::L5dRetryable, b"l5d-retryable"),
                ],
                name,
            ),
            (14, b'c') => Self::of_these([(Self::ContentLength, b"content-length")], name),
            (14, b'h') => Self::of_these([(Self::Http2Settings, b"http2-settings")], name),
            (14, b'l') => Self::of_these([(Self::L5dDstClient, b"l5d-dst-client")], name),
            (15, b'a') => Self::of_these([(Self::AcceptEncoding, b"accept-encoding")], name),
            (15, b'l') => Self::of_these([(Self::L5dDstService, b"l5d-dst-service")], name),
            (16, b'c') => Self::of_these([(Self::ContentEncoding, b"content-encoding")], name),
            (16, b'l') => Self::of_these(
                [
                    (Self::L5dCtxDeadline, b"l5d-ctx-deadline"),
                    (Self::L5dDstResidual, b"l5d-dst-residual"),
                ],
                name,
            ),
            (16, b'p') => Self::of_these([(Self::ProxyConnection, b"proxy-connection")], name),
            (17, b'l') => Self::of_these([(Self::L5dSuccessClass, b"l5d-success-class")], name),
            (17, b't') => Self::of_these([(Self::TransferEncoding, b"transfer-encoding")], name),
            (18, b'p') => Self::of_these([(Self::ProxyAuthenticate, b"proxy-authenticate")], name),
            (19, b'p') => {
                Self::of_these([(Self::ProxyAuthorization, b"proxy-authorization")], name)
            }
            (23, b'x') => Self::of_these(
                [(Self::XForwardedClientCert, b"x-forwarded-client-cert")],
                name,
            ),
            (25, b'p') => Self::of_these(
                [(Self::ProxyAuthenticationInfo, b"proxy-authentication-info")],
                name,
            ),
            _ => match name {
                [b'l' | b'L', b'5', b'd' | b'D', b'-' | b'_', ..] => Self::of_none(name),
                _ => Self::Other,
            },
        }
    }

    /// Whether it belongs to the routers' own language, `l5d-…` or `l5d_…`.
    pub const fn is_context(self) -> bool {
        matches!(
            self,
            Self::L5dDtab
                | Self::L5dCtxDtab
                | Self::L5dCtxTrace
                | Self::L5dCtxDeadline
                | Self::L5dReqid
                | Self::L5dSample
                | Self::L5dDstService
                | Self::L5dDstClient
                | Self::L5dDstResidual
                | Self::L5dErr
                | Self::L5dRetryable
                | Self::L5dSuccessClass
                | Self::L5dOther
                | Self::L5dDisguised
        )
    }

    /// `name: ` as its line begins, with other bytes behind it, and how long it is.
    #[inline]
    pub(crate) fn start(self) -> (&'static [u8; START], usize) {
        let start = &STARTS[self as usize];
        (&start.text, usize::from(start.length))
    }

    /// Which of some names of equal length it is, in any case. Inlined, so that each comparison is a few instructions.
    #[inline(always)]
    fn of_these<const N: usize, const C: usize>(these: [(Self, &[u8; N]); C], name: &[u8]) -> Self {
        let Ok(bytes) = <&[u8; N]>::try_from(name) else {
            return Self::Other;
        };
        for (known, text) in these {
            let pairs = bytes.iter().zip(text);
            // Without leaving early, which would cost more than to go on.
            let difference = |all: u8, (a, b): (&u8, &u8)| all | (a.to_ascii_lowercase() ^ b);
            if pairs.fold(0, difference) == 0 {
                return known;
            }
        }
        Self::of_none(name)
    }

    /// What a name is that is none of those with a name, but could be taken for one.
    #[cold]
    fn of_none(name: &[u8]) -> Self {
        match name {
            name if name.contains(&b'_') => Self::disguised(name),
            [b'l' | b'L', b'5', b'd' | b'D', b'-', ..] => Self::L5dOther,
            _ => Self::Other,
        }
    }

    /// What a name with a `_` would be for somebody who reads it as `-`.
    fn disguised(name: &[u8]) -> Self {
        let mut dashed = [0; 32];
        for (to, from) in dashed.iter_mut().zip(name) {
            *to = if *from == b'_' { b'-' } else { *from };
        }
        let length = name.len().min(dashed.len());
        match Self::of(&dashed[..length]) {
            Self::L5dOther if name[3] == b'-' => Self::L5dOther,
            known if known.is_context() => Self::L5dDisguised,
            Self::ContentLength
            | Self::TransferEncoding
            | Self::KeepAlive
            | Self::ProxyConnection
            | Self::ProxyAuthenticate
            | Self::ProxyAuthorization
            | Self::ProxyAuthenticationInfo
            | Self::MaxForwards
            | Self::Http2Settings
            | Self::XForwardedClientCert => Self::Disguised,
            _ => Self::Other,
        }
    }
}

/// A name as its line begins, with room behind it.
#[derive(Clone, Copy)]
struct Start {
    text: [u8; START],
    length: u8,
}

const START: usize = 32;

static STARTS: [Start; Known::Disguised as usize + 1] = {
    const NONE: Start = Start {
        text: [0; START],
        length: 0,
    };
    let mut starts = [NONE; Known::Disguised as usize + 1];
    let mut at = 0;
    while at < Known::NAMED.len() {
        let known = Known::NAMED[at];
        starts[known as usize] = Start::of(known.name().as_bytes());
        at += 1;
    }
    starts
};

impl Start {
    const fn of(name: &[u8]) -> Self {
        let mut text = [0; START];
        let mut at = 0;
        while at < name.len() {
            text[at] = name[at];
            at += 1;
        }
        text[at] = b':';
        text[at + 1] = b' ';
        Self {
            text,
            length: at as u8 + 2,
        }
    }
}

/// A set of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownSet(u64);

impl KnownSet {
    /// The set of these.
    pub const fn of(names: &[Known]) -> Self {
        let mut set = 0;
        let mut at = 0;
        while at < names.len() {
            set |= 1 << names[at] as u8;
            at += 1;
        }
        Self(set)
    }

    /// Whether a name is in it.
    pub const fn contains(self, known: Known) -> bool {
        self.0 & (1 << known as u8) != 0
    }

    /// Whether both have a name in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds a name.
    pub const fn insert(&mut self, known: Known) {
        self.0 |= 1 << known as u8;
    }

    /// Takes out all that the other has.
    pub const fn subtract(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

// A set is 64 bits.
const _: () = assert!((Known::Disguised as u8) < 64);
