//! DER, as far as certificates need it (X.690 §8.1, RFC 5280 §4.1). Whatever is not shaped as it should be is none.

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// The fields of a certificate from the serial number on.
pub(super) fn fields(certificate: &[u8]) -> Option<&[u8]> {
    let (body, _) = tagged(SEQUENCE, certificate)?;
    let (fields, _) = tagged(SEQUENCE, body)?;
    Some(tagged(VERSION, fields).map_or(fields, |(_, rest)| rest))
}

/// The content of the first element, which must have this tag, and what follows it.
pub(super) fn tagged(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(input)?;
    (found == tag).then_some((content, rest))
}

/// The first element of DER: tag, content, and what follows it (X.690 §8.1).
pub(super) fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], mut rest) = input.split_first_chunk()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (digits, after) = rest
            .split_at_checked(usize::from(first & 0x7f))
            .filter(|(digits, _)| digits.len() <= 4)?;
        length = digits
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}
