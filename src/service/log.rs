//! Where what is logged goes, and how much of it: lines for people, or for the journal, by one filter that can be changed.
//!
//! Nothing here writes to a disk. At `info`, the default, no line holds a picture's name, a word of a request, or an address
//! that video is fetched from.

use std::env;
use std::fmt::{Result, Write};
use std::io::{self, IsTerminal};

use rustix::fs::fstat;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;

/// How much is logged, from now on.
#[derive(Clone, Debug)]
pub struct Verbosity(Handle<Targets, Registry>);

impl Verbosity {
    /// Has everything logged to standard error, as `level` says unless `RUST_LOG` does, until the end of this process.
    #[must_use]
    pub fn begin(level: &str) -> Self {
        let (filter, handle) = reload::Layer::new(filter(level));
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        let lines = match is_the_journal() {
            true => lines.event_format(JournalLine).boxed(),
            false => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        Self(handle)
    }

    /// From now on as much as `level` says, unless `RUST_LOG` does.
    pub fn set(&self, level: &str) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::warn!(%error, "the log stays as it was");
        }
    }
}

/// What a level (`info`) or levels by target (`info,hyper=off`) let through.
fn filter(level: &str) -> Targets {
    let told = env::var("RUST_LOG").ok();
    let told = told.and_then(|told| told.parse::<Targets>().ok());
    if let Some(told) = told {
        return told;
    }
    // tract warns of every opset it has not been tested with; ours is, by our own tests. A 503 while starting or
    // full is an answer, not a failure: faults are logged where they happen.
    let ours = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("tract", LevelFilter::ERROR)
        .with_target("tower_http::trace::on_failure", LevelFilter::OFF);
    match level.parse::<Targets>() {
        Ok(asked) => {
            let default = asked.default_level().unwrap_or(LevelFilter::INFO);
            ours.with_default(default)
                .with_targets(asked.iter().map(|(name, level)| (name.to_owned(), level)))
        }
        Err(_) => ours,
    }
}

/// Whether standard error is the journal's stream (`JOURNAL_STREAM`, systemd.exec(5)), and not a file that it was led to since.
fn is_the_journal() -> bool {
    let told = env::var("JOURNAL_STREAM").unwrap_or_default();
    let Some((device, inode)) = told.split_once(':') else {
        return false;
    };
    fstat(io::stderr())
        .is_ok_and(|found| device.parse() == Ok(found.st_dev) && inode.parse() == Ok(found.st_ino))
}

/// A line as the journal takes it: its priority (sd-daemon(3)), no time, which the journal has.
struct JournalLine;

impl<S, N> FormatEvent<S, N> for JournalLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> Result {
        let mut words = Words::default();
        event.record(&mut words);
        let (priority, target) = (
            priority(*event.metadata().level()),
            event.metadata().target(),
        );
        // Each line is an entry of its own.
        let text = format!("{target}: {}{}", words.message, words.fields);
        for line in text.lines() {
            writeln!(out, "<{priority}>{line}")?;
        }
        Ok(())
    }
}

/// syslog(3): error, warning, informational, debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // To a text there is nothing that could fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
