//! What is written around the data of a chunked body. Source: RFC 9112 §7.1.

use crate::fields::Fields;

/// The line before a chunk of so many bytes, `1f\r\n`, put at the start of `out`: its length. The chunk's data and another
/// `\r\n` follow. A chunk of no bytes would end the body, which is what [`write_chunk_end`] is for.
pub fn chunk_line(len: usize, out: &mut [u8; 20]) -> usize {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    debug_assert!(len > 0, "an empty chunk would be the last one");
    let digits = (len | 1).ilog2() as usize / 4 + 1;
    for (at, digit) in out[..digits].iter_mut().rev().enumerate() {
        *digit = HEX[len >> (4 * at) & 15];
    }
    out[digits..digits + 2].copy_from_slice(b"\r\n");
    digits + 2
}

/// The last chunk, the trailers, and the empty line.
pub fn write_chunk_end(trailers: Option<&Fields>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        trailers.write_to(out);
    }
    out.extend_from_slice(b"\r\n");
}
