//! Heads over HTTP/2.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode, Uri, Version};
use http1::Known;

use super::Fields;
use crate::headers::{Answer, Control, Head, Lines, Request};

/// The head of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    /// Without scheme and authority where the request had no `:authority`.
    pub(crate) uri: Uri,
    pub(crate) fields: Fields,
}

/// The head of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    pub(crate) fields: Fields,
}

impl RequestHead {
    /// What makes the request malformed, beyond what the codec refuses itself: fields of a connection, a `te` that says more than
    /// `trailers`, lengths that differ, and what is missing before the fields or is none. Source: RFC 9113 §8.2 and §8.3.1.
    pub(crate) fn malformed(&self) -> Option<&'static str> {
        let is_connect = self.method == Method::CONNECT;
        match self.uri.path_and_query().map_or("", PathAndQuery::as_str) {
            "" if is_connect => {}
            "*" if self.method == Method::OPTIONS => {}
            path if path.starts_with('/') && !is_connect => {}
            _ => return Some("a :path that is none"),
        }
        match self.uri.authority() {
            Some(authority) if is_host(authority) => {}
            Some(_) => return Some("an :authority with a user"),
            None if is_connect => return Some("no :authority to connect to"),
            None => {
                let mut hosts = self.fields.all(Known::Host);
                match (hosts.next(), hosts.next()) {
                    (None, _) | (Some([]), None) => {}
                    (Some(host), None)
                        if Authority::try_from(host).is_ok_and(|it| is_host(&it)) => {}
                    (Some(_), None) => return Some("a host that is none"),
                    (Some(_), Some(_)) => return Some("more than one host"),
                }
            }
        }
        self.fields.malformed()
    }

    /// Has the request ask for another host; one that had no `:authority` gets this scheme as well. False if it is no host, and
    /// then nothing changes.
    pub(crate) fn set_authority(&mut self, authority: &[u8], scheme: Scheme) -> bool {
        let Ok(authority) = Authority::try_from(authority) else {
            return false;
        };
        let mut parts = self.uri.clone().into_parts();
        if parts.path_and_query.is_some() {
            parts.scheme.get_or_insert(scheme);
        }
        parts.authority = Some(authority);
        let Ok(uri) = Uri::from_parts(parts) else {
            return false;
        };
        self.uri = uri;
        true
    }
}

/// Whether it names nobody but a host: a user has no place there. Source: RFC 9113 §8.3.1.
fn is_host(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
}

impl RequestHead {
    /// The request as the codec takes it. Its fields are gone from here then, and what they say is in the text: see
    /// [`unpack`](Self::unpack).
    pub(super) fn pack(&mut self, text: &mut Vec<u8>) -> http::Request<()> {
        let mut request = http::Request::new(());
        // Of a request without a host the codec asks that it be of another version.
        if self.uri.authority().is_some() {
            *request.version_mut() = Version::HTTP_2;
        }
        request.method_mut().clone_from(&self.method);
        request.uri_mut().clone_from(&self.uri);
        *request.headers_mut() = self.fields.pack(text);
        request
    }

    /// Has the fields again that went into a text.
    pub(super) fn unpack(&mut self, text: &[u8]) {
        self.fields = Fields::unpack(text);
    }
}

impl From<http::request::Parts> for RequestHead {
    fn from(parts: http::request::Parts) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            fields: Fields::new(parts.headers),
        }
    }
}

impl Head for RequestHead {
    type Fields = Fields;

    fn version(&self) -> Version {
        Version::HTTP_2
    }

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
}

impl Request for RequestHead {
    const FORWARDED_HOST: &'static str = "authority";

    fn method(&self) -> &Method {
        &self.method
    }

    fn target(&self) -> &[u8] {
        let control = match self.method {
            Method::CONNECT => Control::Authority,
            _ => Control::Path,
        };
        self.control(control).unwrap_or_default()
    }

    fn path(&self) -> &[u8] {
        self.uri.path().as_bytes()
    }

    fn set_path(&mut self, path: &[u8]) {
        let mut text = Vec::with_capacity(self.target().len());
        if !path.starts_with(b"/") {
            text.push(b'/');
        }
        text.extend_from_slice(path);
        if let Some(query) = self.uri.query() {
            text.push(b'?');
            text.extend_from_slice(query.as_bytes());
        }
        let mut parts = self.uri.clone().into_parts();
        // It is a part of what was a path before, so it is one.
        parts.path_and_query = PathAndQuery::try_from(&text[..]).ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            self.uri = uri;
        }
    }

    fn control(&self, control: Control) -> Option<&[u8]> {
        let text = match control {
            Control::Authority => match self.uri.authority() {
                Some(authority) => authority.as_str(),
                // Source: RFC 9113 §8.3.1.
                None => return self.fields.get(Known::Host),
            },
            Control::Method => self.method.as_str(),
            Control::Path => self.uri.path_and_query()?.as_str(),
            Control::Scheme => self.uri.scheme_str()?,
        };
        Some(text.as_bytes())
    }

    /// `:authority` names the host, whatever `Host` says, and `Host` becomes `:authority` where there is none: behind us, nobody can
    /// read two names out of one request.
    fn name_the_host(&mut self, is_secure: bool) {
        if !self.fields.has(Known::Host) {
            return;
        }
        if self.uri.authority().is_none() {
            let scheme = match is_secure {
                true => Scheme::HTTPS,
                false => Scheme::HTTP,
            };
            let host = self.fields.get(Known::Host).unwrap_or_default().to_vec();
            self.set_authority(&host, scheme);
        }
        self.fields.remove(Known::Host);
    }
}

impl ResponseHead {
    /// An answer of our own, without fields.
    pub(crate) fn new(status: StatusCode) -> Self {
        Self {
            status,
            fields: Fields::default(),
        }
    }

    /// What makes the answer malformed, beyond what the codec refuses itself. Source: RFC 9113 §8.2.1 and §8.6.
    pub(crate) fn malformed(&self) -> Option<&'static str> {
        match self.status {
            StatusCode::SWITCHING_PROTOCOLS => Some("a switch to another protocol"),
            _ => self.fields.malformed(),
        }
    }
}

impl From<http::response::Parts> for ResponseHead {
    fn from(parts: http::response::Parts) -> Self {
        Self {
            status: parts.status,
            fields: Fields::new(parts.headers),
        }
    }
}

impl From<ResponseHead> for http::Response<()> {
    fn from(head: ResponseHead) -> Self {
        let mut response = Self::new(());
        *response.version_mut() = Version::HTTP_2;
        *response.status_mut() = head.status;
        *response.headers_mut() = head.fields.into_map();
        response
    }
}

impl Head for ResponseHead {
    type Fields = Fields;

    fn version(&self) -> Version {
        Version::HTTP_2
    }

    fn fields(&self) -> &Fields {
        &self.fields
    }

    fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
}

impl Answer for ResponseHead {
    fn reset(&mut self, status: StatusCode) {
        self.status = status;
        self.fields.clear();
    }
}

#[cfg(test)]
mod tests;
