//! What peers send as HTTP/1.1: nothing makes the codec panic, the outcome is the same wherever the bytes are cut, and what is
//! accepted is written as it was read. The corpus is replayed by an ordinary test of the `http1` crate.

#![no_main]

#[path = "../../http1/tests/wire/corpus/claims.rs"]
mod claims;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    claims::hold(data);
});
