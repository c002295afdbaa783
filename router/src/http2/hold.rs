//! Holds an answer back until it is known whether it has failed: only where it might be worth another try.
//!
//! Source: linkerd `ClassifiedRetryFilter`, which holds every answer.

use std::future::poll_fn;
use std::task::Poll;

use policy::Class;
use tokio::time::timeout;

use super::asked::Asked;
use super::forward::{Answer, sent};
use super::relay::Trouble;
use crate::service::Streams;
use crate::stats::ServiceStats;

/// How the holding ended.
enum Held {
    /// All of the answer is here.
    Whole,
    /// It broke off.
    Broken(h2::Error),
    /// There is more of it than is held.
    TooLong,
    /// The client has gone; whoever passes the answer on finds that out.
    Gone,
}

/// Waits for the end of an answer, which is what decides; none if it does not come in time, or there is too much before it.
pub(super) async fn hold(
    answer: &mut Answer,
    asked: &mut Asked,
    rules: &Streams,
    stats: &ServiceStats,
) -> Option<Class> {
    let rest = answer.rest.as_mut()?;
    let holding = poll_fn(|cx| {
        if asked.poll_upload(cx, &mut rest.sink).is_ready() || asked.poll_gone(cx).is_ready() {
            return Poll::Ready(Held::Gone);
        }
        match rest.download.poll_ahead(cx, rules.response_bytes) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) if rest.download.read().is_some() => Poll::Ready(Held::Whole),
            Ok(Poll::Ready(())) => Poll::Ready(Held::TooLong),
            Err(Trouble::Source(error) | Trouble::Sink(error)) => Poll::Ready(Held::Broken(error)),
        }
    });
    let held = timeout(rules.classification_timeout, holding).await;
    let counted = stats.holding();
    let end = match held {
        Ok(Held::Whole) => super::pass::end(rest.download.read()?),
        Ok(Held::Broken(error)) => super::pass::broken(&error),
        Ok(Held::TooLong) => {
            counted.response_too_long.inc();
            return None;
        }
        Ok(Held::Gone) => return None,
        Err(_) => {
            counted.timeouts.inc();
            return None;
        }
    };
    if !asked.upload.is_repeatable() {
        counted.request_too_long.inc();
    }
    Some(rules.classifier.last(sent(asked), answer.head.status, end))
}
