//! A gateway whose model marks what is bright, for tests that kill it. Research use only. Not for clinical use.
//!
//! ```text
//! gateway_fake CONFIG    a file that holds what [dicom] does; says where it listens, and how it is for each line of standard
//!                        input; ends with it
//! ```
#![allow(clippy::unwrap_used, reason = "a tool of tests fails as tests do")]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use gateway::{DicomConfig, Gateway};
use picture::segmenter::SystemClock;
use testing::fake::Fake;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let config: DicomConfig = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let fake = Fake::new(4);
    // Long enough for a kill to hit it at work.
    fake.slow(5);
    let gateway = Gateway::begin(config.plan().unwrap(), fake, Arc::new(SystemClock)).unwrap();
    let say = |text: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
    };
    say(format!("listening on {}", gateway.address().port()));
    for line in std::io::stdin().lines() {
        line.unwrap();
        say(format!("{:?}", gateway.look()));
    }
    assert!(gateway.end(Duration::from_secs(30)));
}
