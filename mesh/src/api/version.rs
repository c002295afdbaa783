use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The version of a namespace's dtab: its revision.
///
/// In an `ETag` it is the base64 form, padded and without quotes, of the revision's decimal digits; on the mesh it is those
/// digits. Both forms are Linkerd 1's. Clients compare tags for equality only, since another namerd may write other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// Padding is not asked for: what matters is which version is meant.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Version {
    /// The `ETag` form; so is what `Display` shows.
    pub fn tag(self) -> String {
        BASE64.encode(self.bytes())
    }

    /// The form on the mesh.
    pub fn bytes(self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }

    /// Reads an `If-Match` value; `None` if it can't be a version of ours. As in Linkerd 1, characters outside base64's
    /// alphabet are skipped, so that quoted tags work.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let text: String = tag.chars().filter(known).collect();
        Self::from_bytes(&BASE64.decode(text).ok()?)
    }

    /// Reads the form on the mesh; `None` if it isn't a decimal number, or is zero, which no dtab's version is.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        // `parse` would accept a sign.
        if !bytes.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let revision = std::str::from_utf8(bytes).ok()?.parse().ok()?;
        (revision > 0).then_some(Self(revision))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_base64_form_of_the_digits() {
        assert_eq!(Version(12).tag(), "MTI=");
        assert_eq!(Version(12).bytes(), b"12");
        assert_eq!(Version(u64::MAX).tag(), "MTg0NDY3NDQwNzM3MDk1NTE2MTU=");
    }

    #[test]
    fn tags_are_read_leniently() {
        for tag in ["MTI=", "\"MTI=\"", " MTI ", "W/\"MTI=\"", "M-T-I="] {
            let wanted = (!tag.starts_with('W')).then_some(Version(12));
            assert_eq!(Version::from_tag(tag), wanted, "{tag}");
        }
    }

    #[test]
    fn what_is_no_version_of_ours_is_none() {
        for tag in ["", "*", "MA==", "KzE=", "AAAAAAAAAAE=", "MTI=MTI=", "eA=="] {
            assert_eq!(Version::from_tag(tag), None, "{tag}");
        }
        assert_eq!(Version::from_bytes(b"18446744073709551616"), None);
    }
}
