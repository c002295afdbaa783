//! Options of the reference that this version does not have yet: recognised, and refused by name.
//!
//! Where an option is written with the value that is in force anyway, it changes nothing and is accepted.

use crate::field::Field;
use crate::kinds::Kinds;
use crate::node::Value;
use crate::object::Object;

/// An option to come.
pub(crate) struct Later {
    key: &'static str,
    unless: Unless,
}

/// What may be written for it already.
pub(crate) enum Unless {
    /// Nothing.
    Nothing,
    /// This value.
    Is(Scalar),
    /// A list without items.
    Empty,
    /// An object with nothing but these options, each within its own limits.
    Object(&'static [Later]),
    /// An object of a carried kind, or without a kind, and without options.
    Kind(&'static Kinds),
    /// A list of objects that are chosen by kind, none of which is carried.
    Kinds(&'static Kinds),
}

pub(crate) enum Scalar {
    Bool(bool),
    Integer(i128),
}

impl Later {
    pub(crate) const fn key(key: &'static str) -> Self {
        Self {
            key,
            unless: Unless::Nothing,
        }
    }

    pub(crate) const fn unless(key: &'static str, unless: Unless) -> Self {
        Self { key, unless }
    }
}

impl Object<'_> {
    /// Refuses these options where they are set to anything but what is in force anyway.
    pub(crate) fn later(&mut self, options: &[Later]) {
        for option in options {
            if let Some(field) = self.unwanted(option.key) {
                option.unless.judge(field);
            }
        }
    }
}

impl Unless {
    fn judge(&self, field: Field<'_>) {
        match self {
            Self::Nothing => not_yet(field),
            Self::Is(scalar) if scalar.is(&field.node.value) => {}
            Self::Is(scalar) => {
                let message = format!(
                    "`{}` other than `{}` is not supported yet by this version",
                    field.key,
                    scalar.text()
                );
                field
                    .complaints
                    .error(&field.node.at, message, "leave it out");
            }
            Self::Empty if field.node.value == Value::List(Vec::new()) => {}
            Self::Empty => not_yet(field),
            Self::Object(options) => only(field, options),
            Self::Kind(kinds) => only_kind(field, kinds),
            Self::Kinds(kinds) => {
                for item in field.items().unwrap_or_default() {
                    only_kind(item, kinds);
                }
            }
        }
    }
}

fn not_yet(field: Field<'_>) {
    field.complaints.error(
        field.key_at,
        format!("`{}` is not supported yet by this version", field.key),
        "leave it out",
    );
}

fn only(field: Field<'_>, options: &[Later]) {
    if let Some(mut object) = field.object() {
        object.later(options);
        object.finish();
    }
}

/// A kind that is not carried is one complaint, whatever else its object says.
fn only_kind(field: Field<'_>, kinds: &Kinds) {
    if let Some(mut object) = field.object()
        && object.kind(kinds, kinds.carried.first().copied()).is_some()
    {
        object.finish();
    }
}

impl Scalar {
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool(default), Value::Bool(written)) => default == written,
            (Self::Integer(default), Value::Integer(written)) => default == written,
            _ => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
        }
    }
}
