//! Log lines, on stderr, in the reference's form: `I 1121 07:15:04.000 UTC router: serving http on /127.0.0.1:4140`.

use std::{fmt, io};

use jiff::{Timestamp, tz::TimeZone};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// A level that the reference doesn't know.
    #[error(
        "unknown log level {level:?}; known are ALL, TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL, FATAL and OFF"
    )]
    Level {
        /// What was asked for.
        level: String,
    },
    /// A filter in the environment that cannot be read.
    #[error("cannot read RUST_LOG={filter:?}")]
    Filter {
        /// The variable's value.
        filter: String,
        /// Where it is wrong.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process has its logs already.
    #[error("logs are set up already")]
    Twice,
}

/// Sends log events to stderr, from a level of the reference's `-log.level` on, in any case. `RUST_LOG` wins if it is set.
///
/// Below INFO the libraries' own events are left out until TRACE, since they hide ours.
///
/// # Errors
/// See [`LogsError`].
pub fn init_logs(level: &str) -> Result<(), LogsError> {
    let of_level = directives(level)?;
    let filter = std::env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.is_empty());
    let filter = filter.unwrap_or_else(|| of_level.to_owned());
    let parsed =
        EnvFilter::try_new(&filter).map_err(|source| LogsError::Filter { filter, source })?;
    tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(io::stderr)
        .with_ansi(false)
        // Or else a process whose stderr was closed panics at its next event: the complaint goes to stderr, too.
        .log_internal_errors(false)
        .event_format(Line {
            now: Timestamp::now,
        })
        .try_init()
        .map_err(|_| LogsError::Twice)
}

fn directives(level: &str) -> Result<&'static str, LogsError> {
    match level.to_ascii_uppercase().as_str() {
        "ALL" | "TRACE" => Ok("trace"),
        "DEBUG" => Ok(
            "debug,h2=info,hyper=info,hyper_util=info,rustls=info,tokio_rustls=info,tonic=info,tower=info,hickory_proto=info,hickory_resolver=info",
        ),
        "INFO" => Ok("info"),
        "WARNING" | "WARN" => Ok("warn"),
        "ERROR" | "CRITICAL" | "FATAL" => Ok("error"),
        "OFF" => Ok("off"),
        _ => Err(LogsError::Level {
            level: level.to_owned(),
        }),
    }
}

/// One event, one line.
struct Line {
    now: fn() -> Timestamp,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let letter = match *metadata.level() {
            Level::TRACE => 'T',
            Level::DEBUG => 'D',
            Level::INFO => 'I',
            Level::WARN => 'W',
            Level::ERROR => 'E',
        };
        let time = (self.now)().to_zoned(TimeZone::UTC);
        write!(
            writer,
            "{letter} {} UTC {}: ",
            time.strftime("%m%d %H:%M:%S%.3f"),
            metadata.target()
        )?;
        context
            .field_format()
            .format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("not poisoned")
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_have_level_time_target_message_and_fields() {
        let written = Written::default();
        let writer = written.clone();
        let now = || "2026-01-02T15:04:05.0069Z".parse().expect("a time");
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .event_format(Line { now })
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "router", "serving http on /127.0.0.1:4140");
            tracing::warn!(target: "namerd", age_ms = 7, name = "web", "stale");
            tracing::error!(target: "a", "b");
            tracing::debug!(target: "a", "b");
            tracing::trace!(target: "a", "b");
        });
        let lines =
            String::from_utf8(written.0.lock().expect("not poisoned").clone()).expect("text");
        assert_eq!(
            lines,
            "I 0102 15:04:05.006 UTC router: serving http on /127.0.0.1:4140\n\
             W 0102 15:04:05.006 UTC namerd: stale age_ms=7 name=\"web\"\n\
             E 0102 15:04:05.006 UTC a: b\n\
             D 0102 15:04:05.006 UTC a: b\n\
             T 0102 15:04:05.006 UTC a: b\n"
        );
    }

    #[test]
    fn levels_are_those_of_the_reference() {
        for level in [
            "ALL", "TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL", "OFF",
            "warn", "info",
        ] {
            EnvFilter::try_new(directives(level).expect(level)).expect(level);
        }
        let error = directives("LOUD").expect_err("unknown").to_string();
        assert!(
            error.starts_with("unknown log level \"LOUD\"; known are ALL, "),
            "{error}"
        );
    }
}
