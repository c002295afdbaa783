//! `Date`: when a message was made, which every message from a server tells.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http1::Known;

use super::{Lines, Shown};

/// The text of one second; each worker has its own.
struct Text {
    second: u64,
    text: Shown,
}

thread_local! {
    static NOW: RefCell<Option<Text>> = const { RefCell::new(None) };
}

/// Adds the time to a response that does not say when it was made: whoever caches it further down needs to know.
///
/// Source: RFC 9110 §6.6.1, which asks it of every recipient that forwards a response; linkerd does not.
pub(crate) fn add_date(fields: &mut impl Lines) {
    if fields.has(Known::Date) {
        return;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let second = since.unwrap_or_default().as_secs();
    NOW.with_borrow_mut(|now| {
        let now = match now {
            Some(now) if now.second == second => now,
            outdated => {
                let time = UNIX_EPOCH + Duration::from_secs(second);
                let text = Shown::new(&httpdate::fmt_http_date(time));
                outdated.insert(Text { second, text })
            }
        };
        fields.push_shown(Known::Date, &now.text);
    });
}

#[cfg(test)]
mod tests {
    use http1::Fields;

    use super::*;

    #[test]
    fn a_date_is_added_where_there_is_none() {
        let mut fields = Fields::default();
        fields.push(Known::Date, b"Sun, 06 Nov 1994 08:49:37 GMT");
        add_date(&mut fields);
        assert_eq!(fields.len(), 1);
        fields.clear();
        add_date(&mut fields);
        let date = fields.get(Known::Date).expect("a date");
        let date = std::str::from_utf8(date).expect("text");
        let time = httpdate::parse_http_date(date).expect("RFC 9110 §5.6.7");
        let ago = SystemTime::now().duration_since(time);
        assert!(ago.expect("not in the future").as_secs() <= 2);
    }
}
