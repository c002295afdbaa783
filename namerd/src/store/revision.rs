//! One entry of a namespace's history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a namespace was at one time, who made it so, and why. Never changes once it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Its number in the namespace, from 1.
    pub revision: u64,
    /// When it was written, by the clock of the namerd that did.
    pub time: Timestamp,
    /// Who wrote it; `unknown` if it was not a namerd.
    pub author: String,
    /// Why.
    pub message: String,
    /// How.
    pub action: Action,
    /// The dtab as it was written, comments and layout included; none for a deletion.
    #[serde(rename = "dtab")]
    pub text: Option<String>,
}

/// What a revision did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The namespace did not exist before.
    Create,
    /// It existed before.
    Update,
    /// It does not exist since.
    Delete,
    /// Somebody wrote the store's own data, past every namerd.
    External,
}

/// Who asks for a change, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub author: String,
    /// Why.
    pub message: String,
}
