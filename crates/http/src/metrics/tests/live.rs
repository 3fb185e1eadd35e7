//! Live sources.

use std::path::Path;
use std::time::Duration;

use live::{State, Verdict};
use testing::exposition::Scrape;
use testing::fake::Fake;

use super::super::{LiveMeter, LiveScrape};
use super::{answer, app, view};
use crate::scrape::put_together;

/// A name such as nobody should give.
const HOSTILE: &str = "a\"} 1\n# TYPE evil counter\\\u{7}é{b=\"";

#[test]
fn a_live_source_is_told_whole_and_its_states_are_one_hot() {
    let fake = Fake::new(4);
    let app = app(&fake);
    let [left, right] = [(); 2].map(|()| LiveMeter::new(app.meters.live.frames().clone()));
    let (mask, stale) = (view(State::Mask), view(State::Stale));
    for (number, verdict, ms) in [
        (1, Verdict::Mask, 50),
        (2, Verdict::NothingFound, 300),
        (2, Verdict::Mask, 50),
        (1, Verdict::Mask, 50),
    ] {
        left.observe(&answer(&fake, number, verdict, Duration::from_millis(ms)));
    }
    let source = |name, view, viewers, meter| LiveScrape {
        name,
        view,
        viewers,
        meter,
    };
    let sources = [
        source("left", &mask, 3, &left),
        source(HOSTILE, &stale, 0, &right),
    ];
    let text = put_together(&app, &sources, Path::new("/nowhere"));
    let scrape = Scrape::read(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    for (name, label, expected) in [
        ("captured_total", None, 60.0),
        ("opened_total", None, 2.0),
        ("lane_offered_total", None, 30.0),
        ("frames_total", Some(("fate", "same")), 10.0),
        ("frames_total", Some(("fate", "left-out")), 20.0),
        ("frames_total", Some(("fate", "offered")), 30.0),
        ("frames_total", Some(("fate", "garbage")), 4.0),
        ("frames_total", Some(("fate", "missed")), 5.0),
        ("lane_frames_total", Some(("fate", "replaced")), 7.0),
        ("lane_frames_total", Some(("fate", "computed")), 15.0),
        ("lane_frames_total", Some(("fate", "failed")), 4.0),
        ("lane_frames_total", Some(("fate", "dropped")), 2.0),
        ("answers_total", Some(("fate", "published")), 14.0),
        ("answers_total", Some(("fate", "overtaken")), 1.0),
        ("captured_per_second", None, 29.5),
        ("segmented_per_second", None, 14.25),
        ("frozen", None, 0.0),
        ("mask_hidden", None, 1.0),
    ] {
        for source in ["left", HOSTILE] {
            let labels: Vec<_> = [("source", source)].into_iter().chain(label).collect();
            let value = scrape.value(&format!("espmedsam_live_{name}"), &labels);
            assert_eq!(value, Some(expected), "{name} {labels:?}");
        }
    }
    let state = |source, state| {
        let labels = [("source", source), ("state", state)];
        scrape.value("espmedsam_live_state", &labels).unwrap()
    };
    for one in State::ALL.map(State::name) {
        assert_eq!(state("left", one), f64::from(u8::from(one == "mask")));
        assert_eq!(state(HOSTILE, one), f64::from(u8::from(one == "stale")));
    }
    let step = |state| {
        let labels = [("source", "left"), ("state", state)];
        scrape.value("espmedsam_live_step", &labels)
    };
    assert_eq!((step("full"), step("fewer-frames")), (Some(0.0), Some(1.0)));
    let reason = |reason| {
        let labels = [("source", "left"), ("reason", reason)];
        scrape.value("espmedsam_live_step_reason", &labels)
    };
    assert_eq!((reason("late"), reason("hot")), (Some(0.0), Some(1.0)));
    let viewers = |source| scrape.value("espmedsam_live_viewers", &[("source", source)]);
    assert_eq!((viewers("left"), viewers(HOSTILE)), (Some(3.0), Some(0.0)));
    // No picture, no age: not 0.
    let age = "espmedsam_live_picture_age_seconds";
    assert!(!scrape.names().contains(age));

    // Each answer once.
    let ages = |source: &str, name: &str| {
        let name = format!("espmedsam_live_age_seconds_{name}");
        scrape.value(&name, &[("source", source)])
    };
    assert_eq!(ages("left", "count"), Some(2.0));
    assert_eq!(ages("left", "sum"), Some(0.35));
    assert_eq!(ages(HOSTILE, "count"), Some(0.0));
    let result = |outcome| {
        let labels = [
            ("entrance", "lane"),
            ("modality", "ultrasound"),
            ("outcome", outcome),
        ];
        scrape.value("espmedsam_results_total", &labels)
    };
    assert_eq!(
        (result("mask"), result("nothing-found")),
        (Some(1.0), Some(1.0))
    );
    let encode = [("entrance", "lane"), ("stage", "encode")];
    assert_eq!(
        scrape.value("espmedsam_stage_seconds_sum", &encode),
        Some(0.08)
    );
}

#[test]
fn answers_are_observed_from_many_threads_at_once() {
    let fake = Fake::new(4);
    let app = app(&fake);
    let meters = [(); 4].map(|()| LiveMeter::new(app.meters.live.frames().clone()));
    std::thread::scope(|scope| {
        for meter in &meters {
            let mut answer = answer(&fake, 0, Verdict::Mask, Duration::from_millis(50));
            scope.spawn(move || {
                for number in 1..=1000 {
                    answer.number = number;
                    meter.observe(&answer);
                }
            });
        }
    });
    let scrape = Scrape::read(&put_together(&app, &[], Path::new("/nowhere"))).unwrap();
    assert_eq!(scrape.sum("espmedsam_results_total", &[]), 4000.0);
    let lane = [("entrance", "lane")];
    assert_eq!(scrape.sum("espmedsam_result_seconds_count", &lane), 4000.0);
    let sum = scrape.sum("espmedsam_result_seconds_sum", &lane);
    assert_eq!(sum, 256.0);
}
