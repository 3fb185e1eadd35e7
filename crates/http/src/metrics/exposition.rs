//! Prometheus' text format, version 0.0.4.
//!
//! That one alone, as every scraper reads it: OpenMetrics 1.0 is asked for by some, but 0.0.4 is taken by all, and what the
//! other adds (exemplars, times of creation) is not told here. Names follow OpenMetrics all the same: base units, the unit
//! at the end, `_total` for what only grows, `_info` for a 1 whose labels are the news.

use std::fmt::{Display, Write};

use picture::NOTICE;

/// Of what [`Exposition::finish`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Names and values. Values may be any text.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// Families of metrics, as text.
#[derive(Debug)]
pub struct Exposition(String);

/// Samples of one metric. What is never put is not there at all, not even its name.
#[derive(Debug)]
pub struct Family<'a> {
    out: &'a mut String,
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    begun: bool,
}

impl Exposition {
    /// Begins with the notice, as a comment.
    pub fn new() -> Self {
        Self(format!("# {NOTICE}\n"))
    }

    /// What only grows; its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, "counter")
    }

    /// What goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, "gauge")
    }

    /// How often what was how large.
    pub fn histogram(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, "histogram")
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }

    fn family(&mut self, name: &'static str, help: &'static str, kind: &'static str) -> Family<'_> {
        Family {
            out: &mut self.0,
            name,
            help,
            kind,
            begun: false,
        }
    }
}

impl Family<'_> {
    /// A sample. A whole number or a finite fraction: these are written as the format has them.
    pub fn put(&mut self, labels: Labels<'_>, value: impl Display) {
        self.line("", labels, value);
    }

    /// One of several states: 1 for that one, 0 for the others.
    pub fn put_state(&mut self, source: Labels<'_>, all: &[&str], now: &str) {
        for state in all {
            let labels = [source, &[("state", *state)]].concat();
            self.put(&labels, u8::from(*state == now));
        }
    }

    /// A line of a histogram: `_bucket`, `_sum`, `_count`.
    pub fn line(&mut self, suffix: &str, labels: Labels<'_>, value: impl Display) {
        let Self {
            name, help, kind, ..
        } = *self;
        if !self.begun {
            self.begun = true;
            self.say(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        }
        self.say(format_args!("{name}{suffix}"));
        let mut before = '{';
        for (label, value) in labels {
            self.say(format_args!("{before}{label}=\""));
            escape(self.out, value);
            self.out.push('"');
            before = ',';
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.say(format_args!("{end} {value}\n"));
    }

    fn say(&mut self, text: std::fmt::Arguments<'_>) {
        // Into a string nothing fails.
        let _ = self.out.write_fmt(text);
    }
}

/// A label's value between its quotes.
fn escape(out: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' => out.push_str(r"\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str(r"\n"),
            other => out.push(other),
        }
    }
}
