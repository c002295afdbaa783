//! Replays the fuzzer's corpus, so that what it once found stays fixed where there is no fuzzer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::claims::Stand;
use crate::world::wait_until;

#[test]
fn the_fuzz_corpus_passes() {
    let panics = count_panics();
    let stand = Stand::new(200);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/http2");
    let mut answers = 0;
    for file in std::fs::read_dir(folder).expect("the corpus") {
        let file = file.expect("a file").path();
        answers += stand.hold(&std::fs::read(&file).expect("bytes"));
    }
    // Else the claims would be about nothing.
    assert!(answers >= 100, "{answers}");
    wait_until("over", || stand.held().is_empty());
    assert_eq!(panics.load(Ordering::Relaxed), 0);
}

/// How often a worker has panicked: its tasks end alone, so that nobody else would notice.
fn count_panics() -> Arc<AtomicUsize> {
    let count = Arc::<AtomicUsize>::default();
    let (counted, before) = (Arc::clone(&count), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        if thread.name().is_some_and(|name| name.starts_with("worker")) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        before(panic);
    }));
    count
}
