//! The file that a Unix socket listens on.

use std::path::PathBuf;

use serde::Serialize;

use crate::field::Field;
use crate::object::Object;
use crate::shown;

/// A Unix socket: who may write to its file may connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnixSocket {
    /// The file, an absolute path.
    #[serde(rename = "unixPath")]
    pub path: PathBuf,
    /// The permissions of the file; what the process's umask leaves by default.
    #[serde(rename = "unixMode", serialize_with = "shown::mode")]
    pub mode: Option<u32>,
}

/// What a socket address has room for, without the byte that ends it.
const LONGEST: usize = 107;

impl UnixSocket {
    /// Reads the value of `unixPath`, and `unixMode` beside it.
    pub(crate) fn read<'a>(field: Field<'a>, object: &mut Object<'a>) -> Option<Self> {
        let mode = object.get("unixMode", read_mode);
        let path = PathBuf::from(field.word()?);
        if !path.is_absolute() {
            return field.wrong("must be an absolute path", "begin it with a slash");
        }
        if path.as_os_str().len() > LONGEST {
            let message = format!("must not be longer than {LONGEST} bytes");
            return field.wrong(&message, "the system has no room for more");
        }
        if path.parent().is_none_or(|folder| !folder.is_dir()) {
            let message = format!("names `{}`, whose folder does not exist", path.display());
            return field.wrong(&message, "make the folder first");
        }
        Some(Self { path, mode })
    }
}

/// Octal digits, as `chmod` takes them. Whether a number without quotes is octal depends on the version of YAML.
fn read_mode(field: Field<'_>) -> Option<u32> {
    let text = field.text()?;
    let mode = u32::from_str_radix(&text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && matches!(text.len(), 3 | 4));
    mode.or_else(|| {
        field.wrong(
            &format!("must be the permissions of a file, not `{text}`"),
            "write three octal digits behind a zero, such as \"0660\"",
        )
    })
}
