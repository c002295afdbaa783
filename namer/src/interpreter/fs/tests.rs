use std::fs;
use std::time::Duration;

use live::State;

use super::*;

/// Waits until the table is shown like this.
async fn until(live: &mut Live<Table>, expected: &str) {
    let mut last = String::new();
    let wait = async {
        while last != expected {
            last = show(&*live.changed().await);
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), wait).await;
    assert!(in_time.is_ok(), "expected {expected}, have {last}");
}

fn show(state: &State<Table>) -> String {
    let value = state
        .value()
        .map(|table| format!("{} {}", table.revision, table.dtab));
    let failure = state.failure().map(|failure| failure.reason.to_string());
    let shown: Vec<_> = value.into_iter().chain(failure).collect();
    shown.join(" but ")
}

#[tokio::test]
async fn the_table_follows_the_file_and_counts_its_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canary.dtab");
    let mut live = table(&file);
    assert!(live.now().is_pending());
    fs::write(&file, "/a=>/b;").unwrap();
    until(&mut live, "1 /a=>/b").await;
    let new = folder.path().join("new");
    fs::write(&new, "/a => /c ; # another\n").unwrap();
    fs::rename(&new, &file).unwrap();
    until(&mut live, "2 /a=>/c").await;
    // The same rules in other words are no change.
    fs::write(&file, "/a=>/c;").unwrap();
    fs::write(&new, "").unwrap();
    fs::rename(&new, &file).unwrap();
    until(&mut live, "3 ").await;
}

#[tokio::test]
async fn what_cannot_be_read_keeps_the_last_good_dtab() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canary.dtab");
    fs::write(&file, "/a=>/b;").unwrap();
    let mut live = table(&file);
    until(&mut live, "1 /a=>/b").await;
    fs::write(&file, "/a=>/b;\n/c=>").unwrap();
    let state = changed(&mut live).await;
    let place = format!("{}:2:5: ", file.display());
    assert!(show(&state).starts_with(&format!("1 /a=>/b but {place}")));
    fs::remove_file(&file).unwrap();
    until(&mut live, "1 /a=>/b but no such file").await;
    fs::write(&file, "/a=>/b;").unwrap();
    until(&mut live, "1 /a=>/b").await;
}

#[tokio::test]
async fn a_file_that_never_was_good_fails_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canary.dtab");
    fs::write(&file, "nonsense").unwrap();
    let mut live = table(&file);
    let state = changed(&mut live).await;
    assert!(show(&state).starts_with(&format!("{}:1:1: ", file.display())));
}

async fn changed(live: &mut Live<Table>) -> std::sync::Arc<State<Table>> {
    let wait = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let state = live.changed().await;
            if state.failure().is_some() {
                return state;
            }
        }
    });
    wait.await.unwrap()
}
