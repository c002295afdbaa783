//! Heads, whichever version of HTTP they are of.

use http::{Method, StatusCode, Version};
use http1::{Form, Known, RequestHead, ResponseHead};

use super::Lines;

/// The head of a message, as the stages of a router see it.
pub(crate) trait Head {
    type Fields: Lines;

    fn version(&self) -> Version;

    fn fields(&self) -> &Self::Fields;

    fn fields_mut(&mut self) -> &mut Self::Fields;
}

/// The head of a request.
pub(crate) trait Request: Head {
    /// What `Forwarded` calls the host that was asked for.
    const FORWARDED_HOST: &'static str;

    fn method(&self) -> &Method;

    /// The target, for words about the request.
    fn target(&self) -> &[u8];

    /// The target's path, without the query.
    fn path(&self) -> &[u8];

    /// Replaces the path and keeps the query.
    fn set_path(&mut self, path: &[u8]);

    /// What HTTP/2 says in a field of this name, wherever this version says it.
    fn control(&self, control: Control) -> Option<&[u8]>;

    /// Has the target say which host is asked for, and nothing else contradict it.
    fn name_the_host(&mut self, is_secure: bool);
}

/// The head of an answer.
pub(crate) trait Answer: Head {
    /// Makes it a new answer of our own.
    fn reset(&mut self, status: StatusCode);
}

/// What a request says beside its fields. Source: RFC 9113 §8.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The host that is asked for.
    Authority,
    Method,
    /// The path with its query.
    Path,
    Scheme,
}

impl Control {
    /// What a field of this name says, where it is one of HTTP/2's own. `Host` says the same as `:authority`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            ":authority" => Some(Self::Authority),
            ":method" => Some(Self::Method),
            ":path" => Some(Self::Path),
            ":scheme" => Some(Self::Scheme),
            _ => name.eq_ignore_ascii_case("host").then_some(Self::Authority),
        }
    }
}

impl Head for RequestHead {
    type Fields = http1::Fields;

    #[inline]
    fn version(&self) -> Version {
        self.version
    }

    #[inline]
    fn fields(&self) -> &http1::Fields {
        &self.fields
    }

    #[inline]
    fn fields_mut(&mut self) -> &mut http1::Fields {
        &mut self.fields
    }
}

impl Request for RequestHead {
    const FORWARDED_HOST: &'static str = "host";

    #[inline]
    fn method(&self) -> &Method {
        &self.method
    }

    #[inline]
    fn target(&self) -> &[u8] {
        self.target()
    }

    #[inline]
    fn path(&self) -> &[u8] {
        self.path()
    }

    fn set_path(&mut self, path: &[u8]) {
        self.set_path(path);
    }

    #[inline]
    fn control(&self, control: Control) -> Option<&[u8]> {
        match control {
            Control::Authority => self.fields.get(Known::Host),
            Control::Method => Some(self.method.as_str().as_bytes()),
            Control::Path => Some(self.path_and_query()),
            // Only a target in proxy form tells it.
            Control::Scheme => {
                let target = self.target();
                let end = target.iter().position(|byte| *byte == b':')?;
                (self.form() == Form::Absolute).then(|| &target[..end])
            }
        }
    }

    /// What a client sends to its `http_proxy` (`http://user@host:80/x?y`) becomes what the host itself is asked for. The target
    /// names the host, whatever `Host` says; so does that of a CONNECT. Source: linkerd `ProxyRewriteFilter`, RFC 9112 §3.2.2.
    fn name_the_host(&mut self, _: bool) {
        match self.form() {
            Form::Origin | Form::Asterisk => {}
            Form::Absolute => self.to_origin_form(),
            Form::Authority => {
                if let Some(authority) = self.authority().map(<[u8]>::to_vec) {
                    self.fields.set(Known::Host, &authority);
                }
            }
        }
    }
}

impl Head for ResponseHead {
    type Fields = http1::Fields;

    #[inline]
    fn version(&self) -> Version {
        self.version
    }

    #[inline]
    fn fields(&self) -> &http1::Fields {
        &self.fields
    }

    #[inline]
    fn fields_mut(&mut self) -> &mut http1::Fields {
        &mut self.fields
    }
}

impl Answer for ResponseHead {
    fn reset(&mut self, status: StatusCode) {
        self.reset(status);
    }
}
