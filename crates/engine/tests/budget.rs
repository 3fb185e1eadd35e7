//! All decoded pictures together stay within their budget. Alone in its file: it reads the whole process's figures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use testing::toy;

use espmedsam_engine::EngineOptions;
use espmedsam_engine::model::store::Store;
use espmedsam_engine::service::Engine;
use picture::frame::{FrameLimits, Stop};
use picture::scale::Scale;
use picture::segmenter::{Ask, Job, Readiness, Segmenter};

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
const PICTURES: usize = 9;
/// Frame and mask take 4 bytes a pixel: 34.3 MiB.
const SIDE: u32 = 3000;
const BUDGET_MIB: u64 = 160;

/// A field of /proc/self/status, MiB.
fn status_mib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

#[test]
fn nine_large_pictures_at_once_stay_within_the_budget() {
    let dir = toy::model();
    let options = EngineOptions {
        threads: 1,
        queue: PICTURES,
        limits: FrameLimits {
            max_memory: 96 << 20,
            ..FrameLimits::default()
        },
        picture_budget: BUDGET_MIB << 20,
        ..EngineOptions::default()
    };
    let store = Arc::new(Store::open(dir.path(), None).unwrap());
    let engine = Engine::start(store, &options).unwrap();
    let patience = Instant::now() + PATIENCE;
    while engine.readiness() != Readiness::Ready {
        assert!(Instant::now() < patience, "never ready");
        std::thread::sleep(Duration::from_millis(5));
    }
    let bytes = toy::png(SIDE, SIDE, |x, _| if x < SIDE / 2 { 255 } else { 0 });
    let before = status_mib("VmRSS");
    // Results lie in the channel, as finished pictures before a renderer that is busy.
    let (to, from) = channel();
    for _ in 0..PICTURES {
        let to = to.clone();
        let job = Job {
            picture: bytes.clone().into(),
            scale: Scale::Unknown,
            region: None,
            ask: Ask::new("bright"),
            stop: Stop::never(),
        };
        let done = Box::new(move |outcome: Result<_, _>| to.send(outcome.unwrap()).unwrap());
        engine.submit(job, done).unwrap();
    }
    let mut held = Vec::new();
    let all = loop {
        match from.recv_timeout(Duration::from_secs(2)) {
            Ok(result) => held.push(result),
            Err(RecvTimeoutError::Timeout) => break held.len(),
            Err(end) => panic!("{end}"),
        }
    };
    // The next one's decoding would not fit beside them.
    assert!(
        (1..=4).contains(&all),
        "{all} pictures were finished at once"
    );
    for _ in all..PICTURES {
        held.remove(0);
        held.push(from.recv_timeout(PATIENCE).unwrap());
    }
    let grown = status_mib("VmHWM").saturating_sub(before);
    // 32 MiB for what the allocator keeps. All at once would be 309 MiB.
    assert!(grown < BUDGET_MIB + 32, "the process grew by {grown} MiB");
    drop(held);
    engine.shutdown(PATIENCE).unwrap();
}
