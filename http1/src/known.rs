//! The field names that a proxy treats specially.

use memchr::memchr;

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
    pub fn of(name: &[u8]) -> Self {
        let plain = Self::undisguised(name);
        let is_plain = !matches!(plain, Self::Other | Self::L5dOther);
        if is_plain || memchr(b'_', name).is_none() {
            return plain;
        }
        Self::disguised(name)
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

    /// Compares with the few names that have this length.
    fn undisguised(name: &[u8]) -> Self {
        let candidates: &[Self] = match name.len() {
            2 => &[Self::Te],
            3 => &[Self::Via],
            4 => &[Self::Host, Self::Date, Self::Vary],
            6 => &[Self::Expect],
            7 => &[Self::L5dErr, Self::Upgrade, Self::Trailer, Self::Refresh],
            8 => &[Self::L5dDtab, Self::Location],
            9 => &[Self::L5dReqid, Self::Forwarded],
            10 => &[
                Self::Connection,
                Self::KeepAlive,
                Self::L5dSample,
                Self::Tracestate,
            ],
            11 => &[Self::Traceparent],
            12 => &[Self::ContentType, Self::L5dCtxDtab, Self::MaxForwards],
            13 => &[Self::L5dCtxTrace, Self::L5dRetryable],
            14 => &[Self::ContentLength, Self::L5dDstClient, Self::Http2Settings],
            15 => &[Self::AcceptEncoding, Self::L5dDstService],
            16 => &[
                Self::ContentEncoding,
                Self::L5dCtxDeadline,
                Self::L5dDstResidual,
                Self::ProxyConnection,
            ],
            17 => &[Self::TransferEncoding, Self::L5dSuccessClass],
            18 => &[Self::ProxyAuthenticate],
            19 => &[Self::ProxyAuthorization],
            23 => &[Self::XForwardedClientCert],
            25 => &[Self::ProxyAuthenticationInfo],
            _ => &[],
        };
        for known in candidates {
            if name.eq_ignore_ascii_case(known.name().as_bytes()) {
                return *known;
            }
        }
        match name {
            [b'l' | b'L', b'5', b'd' | b'D', b'-', ..] => Self::L5dOther,
            _ => Self::Other,
        }
    }

    /// What a name with a `_` would be for somebody who reads it as `-`.
    #[cold]
    fn disguised(name: &[u8]) -> Self {
        let mut dashed = [0; 32];
        for (to, from) in dashed.iter_mut().zip(name) {
            *to = if *from == b'_' { b'-' } else { *from };
        }
        let length = name.len().min(dashed.len());
        match Self::undisguised(&dashed[..length]) {
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
    pub(crate) const fn subtract(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

// A set is 64 bits.
const _: () = assert!((Known::Disguised as u8) < 64);
