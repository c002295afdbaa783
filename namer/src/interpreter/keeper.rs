//! What is to be done about answers from time to time, whether or not namerd is there.

use std::sync::Arc;
use std::time::Duration;

use super::answers::Answers;
use super::remote::Closing;

/// How often.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// How long a name that nobody reads stays subscribed at the least; twice that at the most.
    pub(super) linger: Duration,
    /// How long names may stay unanswered before they are known to be stale.
    pub(super) grace: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(10),
            grace: Duration::from_secs(1),
        }
    }
}

/// Forgets what nobody reads, and says so when no answer comes.
pub(super) async fn keep(answers: Arc<Answers>, pace: Pace, mut closing: Closing) {
    let mut sweep = tokio::time::interval(pace.linger);
    loop {
        let since = answers.lock().unanswered_since();
        let due = since.map(|since| since + pace.grace);
        let unanswered = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = sweep.tick() => answers.sweep(),
            () = unanswered => {
                let mut answers = answers.lock();
                // It may have been heard again meanwhile.
                if answers.unanswered_since() == since {
                    answers.unanswered();
                }
            }
            () = answers.waiting.notified() => {}
            () = closing.begun() => return,
        }
    }
}
