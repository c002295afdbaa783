//! The `backoff:` object: how long to wait before the next try.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::kinds::Kinds;
use crate::shown;

/// How long to wait before each further try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub enum Backoff {
    /// Always this long; 0 is at once.
    #[serde(rename = "constant", serialize_with = "constant")]
    Constant(Duration),
    /// At first `min`, then at random between the last wait and three times that, up to `max`.
    #[serde(rename = "jittered")]
    Jittered {
        /// At least 1 ms.
        #[serde(rename = "minMs", serialize_with = "shown::milliseconds")]
        min: Duration,
        /// Not below `min`.
        #[serde(rename = "maxMs", serialize_with = "shown::milliseconds")]
        max: Duration,
    },
}

impl Backoff {
    /// Reads a `backoff:` object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let mut object = field.object()?;
        let backoff = match object.kind(&KINDS, None)? {
            "constant" => {
                let wait = object.require("ms", |field| field.milliseconds(0));
                wait.map(Self::Constant)
            }
            _ => {
                let min = object.require("minMs", |field| field.milliseconds(1));
                let max = object.require("maxMs", |field| field.milliseconds(1));
                min.zip(max).map(|(min, max)| Self::Jittered { min, max })
            }
        };
        object.finish();
        match backoff {
            Some(Self::Jittered { min, max }) if max < min => {
                field.wrong("must have a `maxMs` that is not below its `minMs`", "")
            }
            backoff => backoff,
        }
    }
}

fn constant<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Constant {
        #[serde(serialize_with = "shown::milliseconds")]
        ms: Duration,
    }
    Constant { ms: *wait }.serialize(serializer)
}

const KINDS: Kinds = Kinds::carrying(&["constant", "jittered"]);
