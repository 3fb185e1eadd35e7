mod board;
mod host;
mod live;
mod mqtt;
mod network;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use ::live::{
    BoardStrain, CaptureCounts, LiveAnswer, LiveCounts, LiveView, PaceReason, PaceStep, Rates,
    State, Studio, Verdict,
};
use picture::frame::{Frame, Stop};
use picture::scale::Scale;
use picture::segmenter::{
    Ask, Job, LaneCounts, Picture, Readiness, Segmentation, Segmenter, StageTimes, SystemClock,
};
use testing::exposition::Scrape;
use testing::fake::{Fake, SHA256};
use testing::puppet::Puppet;
use tower::Service;

use super::histogram::Histogram;
use super::{Exposition, LiveMeter, LiveScrape};
use crate::app::{App, ServedParts};
use crate::config::ServerConfig;
use crate::router::routes;
use crate::scrape::put_together;

fn app(fake: &Arc<Fake>) -> Arc<App> {
    let clock = Arc::new(SystemClock);
    let puppet = Puppet::new(clock.clone());
    let studio = Studio::new(fake.clone(), clock, Arc::new(puppet));
    let parts = ServedParts {
        mqtt: Some(Arc::default()),
        ..studio.into()
    };
    App::new(ServerConfig::default(), parts)
}

fn segmentation(fake: &Fake) -> Segmentation {
    let (tell, told) = mpsc::channel();
    let frame = Frame::new(16, 16, vec![255; 3 * 16 * 16]).unwrap();
    let job = Job {
        picture: Picture::Frame(frame.into()),
        scale: Scale::Unknown,
        region: None,
        ask: Ask::new("ultrasound"),
        stop: Stop::never(),
    };
    let done = Box::new(move |outcome| tell.send(outcome).unwrap());
    fake.submit(job, done).unwrap();
    told.recv().unwrap().unwrap()
}

fn answer(fake: &Fake, number: u64, verdict: Verdict, age: Duration) -> LiveAnswer {
    let captured = Instant::now();
    LiveAnswer {
        number,
        sequence: number,
        captured,
        finished: captured + age,
        verdict,
        segmentation: segmentation(fake),
    }
}

fn view(state: State) -> LiveView {
    LiveView {
        now: Instant::now(),
        state,
        detail: None,
        question: 0,
        answer: None,
        picture: None,
        newest: None,
        frozen: None,
        hidden: true,
        still: None,
        step: PaceStep::FewerFrames,
        reason: Some(PaceReason::Board(BoardStrain::Hot)),
        rates: Rates {
            captured: 29.5,
            segmented: 14.25,
        },
        counts: LiveCounts {
            capture: CaptureCounts {
                captured: 60,
                same: 10,
                left_out: 20,
                offered: 30,
                garbage: 4,
                missed: 5,
                opened: 2,
            },
            lanes: LaneCounts {
                offered: 30,
                waiting: 1,
                in_work: 1,
                replaced: 7,
                computed: 15,
                failed: 4,
                dropped: 2,
            },
            published: 14,
            held: 0,
            overtaken: 1,
        },
    }
}

#[test]
fn a_buckets_bound_belongs_to_it() {
    let histogram = Histogram::default();
    for seconds in [0.06, 0.0601, 60.0, 61.0, -1.0, f64::NAN, 0.0] {
        histogram.observe(seconds);
    }
    let mut out = Exposition::new();
    histogram.put(&mut out.histogram("a_seconds", "Times."), &[]);
    let scrape = Scrape::read(&out.finish()).unwrap();
    let within = |bound| scrape.value("a_seconds_bucket", &[("le", bound)]).unwrap();
    assert_eq!(within("0.001"), 3.0);
    assert_eq!(
        (within("0.045"), within("0.06"), within("0.1")),
        (3.0, 4.0, 5.0)
    );
    assert_eq!((within("60"), within("+Inf")), (6.0, 7.0));
    let sum = scrape.value("a_seconds_sum", &[]).unwrap();
    assert!((sum - 121.1201).abs() < 1e-6, "{sum}");
}

#[test]
fn the_engines_state_is_one_of_four() {
    let fake = Fake::new(4);
    let app = app(&fake);
    for (readiness, expected) in [
        (Readiness::Starting, "starting"),
        (Readiness::Ready, "ready"),
        (Readiness::Failed("why".into()), "failed"),
        (Readiness::Stuck("why".into()), "stuck"),
    ] {
        fake.set_readiness(readiness);
        let scrape = Scrape::read(&put_together(&app, &[], Path::new("/nowhere"))).unwrap();
        assert_eq!(scrape.sum("espmedsam_engine_state", &[]), 1.0);
        let state = [("state", expected)];
        assert_eq!(scrape.value("espmedsam_engine_state", &state), Some(1.0));
    }
    let scrape = Scrape::read(&put_together(&app, &[], Path::new("/nowhere"))).unwrap();
    let model = [
        ("model", "fake-64"),
        ("sha256", SHA256),
        ("side", "64"),
        ("default", "true"),
    ];
    assert_eq!(scrape.value("espmedsam_model_info", &model), Some(1.0));
    assert_eq!(
        scrape.value("espmedsam_engine_queue_capacity", &[]),
        Some(4.0)
    );
}

#[test]
fn every_stage_has_its_histogram() {
    let fake = Fake::new(4);
    let text = put_together(&app(&fake), &[], Path::new("/nowhere"));
    let scrape = Scrape::read(&text).unwrap();
    for stage in StageTimes::STAGES {
        for entrance in ["queue", "lane"] {
            let labels = [("entrance", entrance), ("stage", stage.name)];
            let count = scrape.value("espmedsam_stage_seconds_count", &labels);
            assert_eq!(count, Some(0.0), "{stage:?}");
        }
    }
}

/// All names in an expression that are metrics of ours.
fn named(expression: &str) -> impl Iterator<Item = &str> {
    let parts = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    parts.filter(|name| name.starts_with("espmedsam_") || name.starts_with("process_"))
}

#[tokio::test]
async fn the_dashboard_asks_for_what_there_is() {
    let fake = Fake::new(4);
    let app = app(&fake);
    let request = axum::extract::Request::get("/").body(axum::body::Body::empty());
    let replied = routes(app.clone()).call(request.unwrap()).await;
    assert!(replied.unwrap().status().is_client_error());
    let meter = LiveMeter::new(app.meters.live.frames().clone());
    meter.observe(&answer(&fake, 1, Verdict::Mask, Duration::from_millis(50)));
    app.meters.jobs.job("ultrasound", Ok(&segmentation(&fake)));
    let mut view = view(State::Mask);
    let frame = Frame::new(16, 16, vec![0; 3 * 16 * 16]).unwrap();
    view.picture = Some(::live::LivePicture {
        sequence: 0,
        captured: view.now,
        frame: frame.into(),
        placement: None,
    });
    let source = LiveScrape {
        name: "probe",
        view: &view,
        viewers: 1,
        meter: &meter,
    };
    app.studio.board_does(board::reading());
    let root = host::process();
    let scrape = Scrape::read(&put_together(&app, &[source], root.path())).unwrap();
    let path = testing::repository("board/grafana.json");
    let dashboard = std::fs::read_to_string(path).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let mut asked = BTreeSet::new();
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            expressions.push(target["expr"].as_str().unwrap());
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if variable["type"] == "query" {
            expressions.extend(variable["query"].as_str());
        }
    }
    for expression in &expressions {
        let count = named(expression).map(|name| asked.insert(name)).count();
        assert!(count > 0, "{expression}");
    }
    let unknown: Vec<_> = asked.difference(&scrape.names()).copied().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(expressions.len() >= 12 && asked.len() >= 12, "{asked:?}");
}
