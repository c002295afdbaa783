use http::StatusCode;
use mesh::NamerdClient;
use mesh::api::{Status, StoreState};
use mesh::client::ClientError;

use crate::connection::Connection;
use crate::console::{Console, Ink};
use crate::duration::show_ms;
use crate::failure::{Failure, counted};

/// Asks each base URL on its own.
pub(crate) async fn run(connection: &Connection, console: &mut Console<'_>) -> Result<(), Failure> {
    let urls = connection.base_urls(console)?;
    let total = urls.len();
    let mut unwell = 0;
    for url in urls {
        let client = connection.client_of(vec![url.clone()])?;
        let (ink, words) = match health(&client).await {
            Ok(words) => (Ink::Good, words),
            Err(words) => {
                unwell += 1;
                (Ink::Bad, words)
            }
        };
        let line = format!("{url}: {}", console.out.paint(ink, &words));
        console.out.line(&line)?;
    }
    if unwell == 0 {
        return Ok(());
    }
    Err(Failure::Unwell { unwell, total })
}

/// How it is, in words; an error if it isn't well.
async fn health(client: &NamerdClient) -> Result<String, String> {
    match client.status().await {
        Ok(status) if status.store.state == StoreState::Ok => Ok(describe(&status)),
        Ok(status) => Err(describe(&status)),
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
            // Linkerd's namerd says no more than that it can read its store.
            let names = client.namespaces().await;
            let names = names.map_err(|error| trouble(&error))?;
            Ok(format!("ok, {}", counted(names.len(), "namespace")))
        }
        Err(error) => Err(trouble(&error)),
    }
}

fn trouble(error: &ClientError) -> String {
    match error {
        ClientError::Unreachable(attempts) if attempts.len() == 1 => {
            // The URL stands before it already.
            let text = attempts[0].to_string();
            let words = text.strip_prefix(&attempts[0].base).unwrap_or(&text);
            format!("cannot be reached{words}")
        }
        error => crate::chain(error),
    }
}

fn describe(status: &Status) -> String {
    let store = &status.store;
    let state = match store.state {
        StoreState::Ok => "ok",
        StoreState::Stale => "stale",
        StoreState::Pending => "has not answered yet",
    };
    let age = store.age_ms.map(|ms| format!(" ({} old)", show_ms(ms)));
    let detail = store.detail.as_ref().map(|detail| format!(": {detail}"));
    format!(
        "{} {} {}, up {}, store {} {state}{}{}, {}, {}",
        if store.state == StoreState::Ok {
            "ok,"
        } else {
            "not well,"
        },
        status.id,
        status.version,
        show_ms(status.uptime_secs.saturating_mul(1_000)),
        store.kind,
        age.unwrap_or_default(),
        detail.unwrap_or_default(),
        counted(status.namespaces, "namespace"),
        counted(status.routers, "router"),
    )
}
