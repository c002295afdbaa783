//! Looks at dtabs before they are sent.

use dtab::{Level, Lint};

use crate::console::{Ink, Sink};
use crate::failure::Failure;
use crate::input::Input;

/// Shows what is odd about a dtab.
///
/// # Errors
/// [`Failure::Lint`] if it can't work.
pub(crate) fn review(input: &Input, sink: &mut Sink<'_>) -> Result<(), Failure> {
    let source = input.text();
    match dtab::lint(&source, None) {
        Ok(lints) => show(&lints, &source, &input.origin, sink),
        Err(error) => {
            sink.line(&sink.paint(Ink::Bad, &error.render(&source, &input.origin)))?;
            Err(Failure::Lint {
                origin: input.origin.clone(),
                errors: 1,
            })
        }
    }
}

/// Shows complaints with the lines that they are about.
///
/// # Errors
/// [`Failure::Lint`] if one of them is an error.
pub(crate) fn show(
    lints: &[Lint],
    source: &str,
    origin: &str,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    for lint in lints {
        let ink = match lint.level {
            Level::Error => Ink::Bad,
            Level::Warning => Ink::Warn,
        };
        sink.line(&sink.paint(ink, &lint.render(source, origin)))?;
    }
    let errors = lints
        .iter()
        .filter(|lint| lint.level == Level::Error)
        .count();
    if errors == 0 {
        return Ok(());
    }
    Err(Failure::Lint {
        origin: origin.to_owned(),
        errors,
    })
}
