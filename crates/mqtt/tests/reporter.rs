//! The thread that tells, by the system's clock and a scripted broker.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_mqtt::{BrokerMood, MqttConfig, MqttReporter, ScriptedBroker};
use live::{LiveSettings, SessionSpec, Studio};
use picture::segmenter::{Ask, SystemClock};
use testing::fake::{Fake, MODALITIES};
use testing::puppet::Puppet;
use video::prepare::SourceView;

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A source without pictures, told of to a broker of that mood.
fn begin(mood: BrokerMood) -> (MqttReporter, ScriptedBroker) {
    let clock = Arc::new(SystemClock);
    let puppet = Puppet::new(clock.clone());
    let studio = Studio::new(Fake::new(1), clock.clone(), Arc::new(puppet.clone()));
    let spec = SessionSpec {
        opener: Arc::new(puppet),
        view: SourceView::default(),
        ask: Ask::new(MODALITIES[1]),
        settings: LiveSettings::default(),
    };
    studio.begin("probe", spec).unwrap();
    let broker = ScriptedBroker::new(clock);
    broker.is(mood);
    let config = MqttConfig {
        broker: Some("nowhere:1883".into()),
        device: Some("left".into()),
        ..MqttConfig::default()
    };
    let plan = config.plan().unwrap().unwrap();
    let reporter = MqttReporter::begin_with(&plan, studio, Box::new(broker.clone()));
    (reporter.unwrap(), broker)
}

fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "not so: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn it_tells_until_it_is_ended_and_takes_leave() {
    let (reporter, broker) = begin(BrokerMood::Takes);
    let state = "espmedsam/left/live/probe/state";
    until("a state was told", || broker.retained().contains_key(state));
    assert!(reporter.meter().look().connected);
    assert!(reporter.end(PATIENCE));
    assert_eq!(broker.left(), 1);
    let kept = broker.retained();
    let said = |topic: &str| String::from_utf8(kept[topic].clone()).unwrap();
    assert!(said("espmedsam/left/status").contains("\"offline\",\"reason\":\"stopped\""));
    assert!(said(state).contains("\"state\":\"ended\""));
}

#[test]
fn an_end_waits_for_nobody_longer_than_it_may() {
    let (reporter, broker) = begin(BrokerMood::Hangs(0));
    let meter = reporter.meter();
    until("it is connected", || meter.look().connected);
    assert!(
        !reporter.end(Duration::from_millis(100)),
        "nothing was taken"
    );
    assert_eq!((broker.left(), broker.heard()), (0, Vec::new()));
    let (reporter, broker) = begin(BrokerMood::Silent);
    until("it has dialled", || broker.dialled() > 0);
    assert!(reporter.end(PATIENCE), "there is nobody to take leave of");
}

#[test]
fn who_drops_it_ends_it() {
    let (reporter, broker) = begin(BrokerMood::Takes);
    until("it is connected", || reporter.meter().look().connected);
    drop(reporter);
    until("it has taken leave", || broker.left() == 1);
}
