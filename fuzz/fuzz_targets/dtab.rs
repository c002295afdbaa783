//! What people and peers send as a table: no text makes reading, printing or linting panic, and what is printed reads back.
//! The corpus is replayed by an ordinary test of the `dtab` crate.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match dtab::Dtab::parse(text) {
        Ok(dtab) => {
            let shown = dtab.to_string();
            let again = dtab::Dtab::parse(&shown).expect("canonical text is a table");
            assert_eq!(again.to_string(), shown);
        }
        Err(error) => {
            assert!(error.span().end <= text.len());
            assert!(!error.render(text, "fuzz").is_empty());
        }
    }
    for complaint in dtab::lint(text, Some(&|_| false)).unwrap_or_default() {
        assert!(!complaint.render(text, "fuzz").is_empty());
    }
});
