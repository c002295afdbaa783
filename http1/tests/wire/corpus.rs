//! Replays the fuzzer's corpus, so that what it once found stays fixed where there is no fuzzer.

mod claims;

use std::path::Path;

#[test]
fn the_fuzz_corpus_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/http1");
    let mut seen = claims::Seen::default();
    for file in std::fs::read_dir(folder).expect("the corpus") {
        let file = file.expect("a file").path();
        seen += claims::hold(&std::fs::read(&file).expect("bytes"));
    }
    // Else the claims would be about nothing.
    assert!(
        seen.requests >= 10 && seen.answers >= 8 && seen.whole_answers >= 8 && seen.bodies >= 8,
        "{seen:?}"
    );
}
