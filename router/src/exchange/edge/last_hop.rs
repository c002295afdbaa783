//! `Max-Forwards`: how far an `OPTIONS` or a `TRACE` may still go, and what it is told where it may not go on.

use http::{Method, StatusCode};
use http1::Known;

use crate::error::RouteError;
use crate::headers::{Answer, Lines as _, Request};

/// Counts a request down on its way. One that may go no further is answered here: its body is returned, and `answer` is made
/// its head but for framing and `Connection`.
///
/// # Errors
/// [`RouteError::BadMaxForwards`] where it cannot be told how far it may go. Source: RFC 9110 §7.6.2, linkerd
/// `DiagnosticTracer`, which heeds it for `TRACE` only.
pub(crate) fn answer_here(
    head: &mut impl Request,
    answer: &mut impl Answer,
) -> Result<Option<String>, RouteError> {
    if !head.fields().has(Known::MaxForwards) || !is_counted(head.method()) {
        return Ok(None);
    }
    let Some(left) = hops(head) else {
        return Err(RouteError::BadMaxForwards);
    };
    if let Some(left) = left.checked_sub(1) {
        let left = left.to_string();
        head.fields_mut().set(Known::MaxForwards, left.as_bytes());
        return Ok(None);
    }
    answer.reset(StatusCode::OK);
    if *head.method() != Method::TRACE {
        return Ok(Some(String::new()));
    }
    let fields = answer.fields_mut();
    fields.push_static(Known::ContentType, "message/http");
    Ok(Some(reflected(head)))
}

fn is_counted(method: &Method) -> bool {
    *method == Method::TRACE || *method == Method::OPTIONS
}

/// How many hops the request may still go. More than we can count are as many as we can.
fn hops(head: &impl Request) -> Option<u32> {
    let mut lines = head.fields().all(Known::MaxForwards);
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let is_number = !line.is_empty() && line.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(line).ok().filter(|_| is_number)?;
    Some(text.parse().unwrap_or(u32::MAX))
}

/// The request as it came in, without what sounds like credentials. Source: RFC 9110 §9.3.8.
fn reflected(head: &impl Request) -> String {
    let mut text = format!("{} ", head.method()).into_bytes();
    text.extend_from_slice(head.target());
    text.extend_from_slice(format!(" {:?}\r\n", head.version()).as_bytes());
    for (name, value) in head.fields().iter() {
        if !is_sensitive(name) {
            for part in [name, b": ", value, b"\r\n"] {
                text.extend_from_slice(part);
            }
        }
    }
    text.extend_from_slice(b"\r\n");
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether a name sounds like credentials: `Authorization`, `Cookie`, `X-Api-Key` and the like.
fn is_sensitive(name: &[u8]) -> bool {
    const SECRETS: [&[u8]; 8] = [
        b"auth",
        b"cert",
        b"cookie",
        b"credential",
        b"key",
        b"password",
        b"secret",
        b"token",
    ];
    let name = name.to_ascii_lowercase();
    let holds = |part: &&[u8]| name.windows(part.len()).any(|window| window == *part);
    SECRETS.iter().any(holds)
}

#[cfg(test)]
mod tests;
