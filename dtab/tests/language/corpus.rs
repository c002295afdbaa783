//! Replays the fuzzer's corpus, so that what it once found stays fixed where there is no fuzzer.

use std::path::Path;

use dtab::{Dtab, lint};

#[test]
fn the_fuzz_corpus_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/dtab");
    let mut replayed = 0;
    for file in std::fs::read_dir(folder).expect("the corpus") {
        let file = file.expect("a file").path();
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("a text")).into_owned();
        replay(&text);
        replayed += 1;
    }
    assert!(replayed >= 10, "only {replayed} texts");
}

/// The same claims as in the fuzz target.
fn replay(text: &str) {
    match Dtab::parse(text) {
        Ok(dtab) => {
            let shown = dtab.to_string();
            assert_eq!(
                Dtab::parse(&shown).expect("canonical text").to_string(),
                shown
            );
        }
        Err(error) => {
            assert!(error.span().end <= text.len());
            assert!(!error.render(text, "fuzz").is_empty());
        }
    }
    for complaint in lint(text, Some(&|_| false)).unwrap_or_default() {
        assert!(!complaint.render(text, "fuzz").is_empty());
    }
}
