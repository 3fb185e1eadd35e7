//! Turn by turn, by a clock that the test advances: what a broker hears, whatever it does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use live::steady::Insistence;
use live::{LiveSettings, Session, SessionSpec, State, Studio};
use picture::NOTICE;
use picture::scale::{PixelSize, Scale};
use picture::segmenter::{Ask, Clock, ManualClock};
use serde_json::Value;
use testing::fake::{Fake, MODALITIES, SHA256};
use testing::puppet::{Act, Puppet};
use video::prepare::SourceView;

use super::*;
use crate::MqttFigures;
use crate::message::MqttDelivery;
use crate::scripted::{BrokerMood, ScriptedBroker};

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// A picture on which the fake marks all.
const BRIGHT: Act = Act::Picture(4, 4, 255);

struct Stage {
    clock: Arc<ManualClock>,
    puppet: Puppet,
    studio: Arc<Studio>,
    broker: ScriptedBroker,
    meter: Arc<MqttMeter>,
    herald: Herald,
}

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_803_166)
}

fn plan() -> MqttPlan {
    MqttPlan {
        host: "nowhere".into(),
        port: 1883,
        client_id: "espmedsam-left".into(),
        login: None,
        topics: MqttTopics::new("espmedsam", "left"),
        keep_alive: Duration::from_secs(15),
        between_results: Some(Duration::from_secs(1)),
    }
}

impl Stage {
    fn new(mood: BrokerMood) -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake = Fake::by(clock.clone(), 4);
        let puppet = Puppet::new(clock.clone());
        let studio = Studio::new(fake, clock.clone(), Arc::new(puppet.clone()));
        let broker = ScriptedBroker::new(clock.clone());
        broker.is(mood);
        let meter = Arc::new(MqttMeter::default());
        let parts = HeraldParts {
            studio: studio.clone(),
            broker: Box::new(broker.clone()),
            meter: meter.clone(),
            clock: clock.clone(),
            wall: noon,
        };
        let herald = Herald::new(&plan(), parts);
        Self {
            clock,
            puppet,
            studio,
            broker,
            meter,
            herald,
        }
    }

    fn watch(&self, name: &str) -> Arc<Session> {
        let at_once = Insistence {
            times: 1,
            lasting: Duration::ZERO,
        };
        let spec = SessionSpec {
            opener: Arc::new(self.puppet.clone()),
            view: SourceView::default(),
            ask: Ask::new(MODALITIES[1]),
            settings: LiveSettings {
                insistence: [at_once; 2],
                steady: false,
                scale: Scale::Uniform(PixelSize::new([0.5; 2]).unwrap()),
                ..LiveSettings::default()
            },
        };
        self.studio.begin(name, spec).unwrap()
    }

    /// Has the source's picture answered, and waits for that state; the clock stands still.
    fn show(&self, session: &Session, act: Act, state: State) {
        let before = session.look();
        let captured = before.counts.capture.captured;
        self.puppet.act(act);
        let begun = Instant::now();
        loop {
            let view = session.look();
            let numbers = [&before, &view].map(|view| view.answer.as_ref().map(|of| of.number));
            if view.counts.capture.captured > captured
                && numbers[0] != numbers[1]
                && view.state == state
            {
                return;
            }
            let (found, counts) = (view.state, view.counts);
            assert!(
                begun.elapsed() < PATIENCE,
                "{state:?} is not reached: {found:?}, {counts:?}"
            );
            std::thread::yield_now();
        }
    }

    /// A turn without waiting, until nothing more happens.
    fn turn(&mut self) {
        for _ in 0..2 {
            self.herald.tell();
            self.herald.hear(self.clock.now());
        }
    }

    fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Topics without their common part, and what was said.
    fn heard(&self) -> Vec<(String, Value)> {
        let told = |message: MqttMessage| {
            let topic = message.topic.strip_prefix("espmedsam/left/").unwrap();
            let value: Value = serde_json::from_slice(&message.payload).unwrap();
            assert_eq!(value["notice"], NOTICE);
            let kept = message.delivery == MqttDelivery::Retained;
            assert_eq!(kept, !topic.ends_with("/result"), "{topic}");
            (topic.to_owned(), value)
        };
        self.broker.heard().into_iter().map(told).collect()
    }

    fn retained(&self) -> BTreeMap<String, Value> {
        let parsed = |(topic, payload): (String, Vec<u8>)| {
            (topic, serde_json::from_slice(&payload).unwrap())
        };
        self.broker.retained().into_iter().map(parsed).collect()
    }
}

fn topics(heard: &[(String, Value)]) -> Vec<&str> {
    heard.iter().map(|(topic, _)| topic.as_str()).collect()
}

#[test]
fn a_broker_hears_status_state_and_result_and_each_once() {
    let mut stage = Stage::new(BrokerMood::Takes);
    let session = stage.watch("probe");
    stage.show(&session, BRIGHT, State::Mask);
    stage.turn();
    let heard = stage.heard();
    assert_eq!(
        topics(&heard),
        ["status", "live/probe/state", "live/probe/result"]
    );
    let [(_, status), (_, state), (_, result)] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert_eq!(status["status"], "online");
    assert_eq!(status["since"], "2026-11-27T18:12:46.000Z");
    assert_eq!(
        (&state["state"], &state["source"]),
        (&"mask".into(), &"probe".into())
    );
    assert_eq!(state["modality"], MODALITIES[1]);
    // The same figures as every other door has, and no shape.
    assert_eq!(result["result"]["area"]["px"], 16);
    assert_eq!(result["result"]["model"]["sha256"], SHA256);
    assert!(result["result"]["ellipse"].is_object(), "{result}");
    for shape in ["rle", "polygons", "patch"] {
        assert!(result["result"].get(shape).is_none(), "{shape}");
    }
    assert_eq!(
        (&result["update"], &result["sequence"]),
        (&1.into(), &0.into())
    );
    // Nothing is new.
    stage.turn();
    assert_eq!(stage.heard(), []);
    let figures = stage.meter.look();
    assert_eq!(
        (figures.connected, figures.published, figures.left_out),
        (true, 3, 0)
    );
}

#[test]
fn no_result_is_told_in_a_state_in_which_no_mask_may_be_shown() {
    let mut stage = Stage::new(BrokerMood::Takes);
    let session = stage.watch("probe");
    let mut told = Vec::new();
    for (act, state) in [
        (Act::Picture(4, 4, 0), State::NothingFound),
        (Act::Odd, State::WrongModality),
        (BRIGHT, State::Mask),
    ] {
        stage.pass(Duration::from_secs(2));
        stage.show(&session, act, state);
        stage.turn();
        told.extend(stage.heard());
    }
    // Past its budget the mask is shown no more, and then there is no signal.
    for (ms, state) in [(401, "stale"), (700, "no-signal")] {
        stage.pass(Duration::from_millis(ms));
        stage.turn();
        let heard = stage.heard();
        assert_eq!(topics(&heard), ["live/probe/state"]);
        assert_eq!(heard[0].1["state"], state);
    }
    let results = told.iter().filter(|(topic, _)| topic.ends_with("/result"));
    assert_eq!(
        results
            .map(|(_, told)| told["state"].clone())
            .collect::<Vec<_>>(),
        ["mask"]
    );
    let states = told.iter().filter(|(topic, _)| topic.ends_with("/state"));
    let states: Vec<_> = states.map(|(_, told)| told["state"].clone()).collect();
    assert_eq!(states, ["nothing-found", "wrong-modality", "mask"]);
}

#[test]
fn results_come_no_oftener_than_asked_and_states_are_repeated() {
    let mut stage = Stage::new(BrokerMood::Takes);
    let session = stage.watch("probe");
    let mut updates = Vec::new();
    let mut repeats = 0;
    // Twelve seconds of four pictures each.
    for grey in 0..48 {
        stage.show(&session, Act::Picture(4, 4, 200 + grey), State::Mask);
        stage.turn();
        for (topic, told) in stage.heard() {
            match topic.as_str() {
                "live/probe/result" => updates.push(told["update"].as_u64().unwrap()),
                "live/probe/state" => repeats += 1,
                _ => {}
            }
        }
        stage.pass(LOOK);
    }
    assert_eq!(
        updates,
        (0..12).map(|second| 1 + 4 * second).collect::<Vec<_>>()
    );
    assert_eq!(repeats, 2);
}

#[test]
fn without_a_broker_nothing_is_kept_and_then_it_hears_how_things_are() {
    let mut stage = Stage::new(BrokerMood::Refuses);
    let session = stage.watch("probe");
    stage.show(&session, BRIGHT, State::Mask);
    // An hour of pictures and changes.
    for minute in 0..60 {
        stage.pass(Duration::from_secs(60));
        let (grey, state) = match minute % 2 {
            0 => (0, State::NothingFound),
            _ => (180 + minute, State::Mask),
        };
        stage.show(&session, Act::Picture(4, 4, grey), state);
        stage.turn();
    }
    let dialled = stage.broker.dialled();
    assert!((10..=60).contains(&dialled), "{dialled}");
    assert_eq!(stage.heard(), []);
    assert_eq!(stage.meter.look(), MqttFigures::default());
    stage.broker.is(BrokerMood::Takes);
    stage.pass(Duration::from_secs(76));
    stage.show(&session, BRIGHT, State::Mask);
    stage.turn();
    let heard = stage.heard();
    assert_eq!(
        topics(&heard),
        ["status", "live/probe/state", "live/probe/result"]
    );
    assert_eq!(heard[1].1["state"], "mask");
}

#[test]
fn after_a_cut_all_is_told_anew() {
    let mut stage = Stage::new(BrokerMood::Takes);
    let session = stage.watch("probe");
    stage.show(&session, BRIGHT, State::Mask);
    stage.turn();
    assert_eq!(stage.heard().len(), 3);
    stage.broker.cut();
    stage.turn();
    assert!(!stage.meter.look().connected);
    stage.pass(Duration::from_millis(300));
    stage.turn();
    assert_eq!(stage.broker.dialled(), 1, "it is left alone for a second");
    stage.pass(Duration::from_secs(1));
    stage.show(&session, Act::Picture(4, 4, 0), State::NothingFound);
    stage.turn();
    assert_eq!(stage.broker.dialled(), 2);
    let heard = stage.heard();
    assert_eq!(topics(&heard), ["status", "live/probe/state"]);
    assert_eq!(heard[1].1["state"], "nothing-found");
}

#[test]
fn a_broker_that_hangs_holds_up_nothing_and_the_newest_is_told() {
    let mut stage = Stage::new(BrokerMood::Hangs(2));
    let session = stage.watch("probe");
    for grey in 0..20 {
        stage.show(&session, Act::Picture(4, 4, 200 + grey), State::Mask);
        stage.turn();
        stage.pass(Duration::from_secs(2));
    }
    assert_eq!(stage.heard(), []);
    assert!(stage.meter.look().left_out >= 20);
    stage.broker.is(BrokerMood::Takes);
    stage.show(&session, Act::Picture(4, 4, 255), State::Mask);
    stage.turn();
    let heard = stage.heard();
    // What there was room for, and then the newest; none of the eighteen between.
    let updates = heard.iter().filter(|(topic, _)| topic.ends_with("/result"));
    let updates: Vec<_> = updates.map(|(_, told)| told["update"].clone()).collect();
    assert_eq!(updates, [21]);
    assert_eq!(topics(&heard)[..2], ["status", "live/probe/state"]);
}

#[test]
fn the_end_of_a_source_is_told_also_if_nobody_was_there_to_hear_it() {
    let mut stage = Stage::new(BrokerMood::Takes);
    stage.watch("one");
    stage.watch("other");
    stage.turn();
    assert!(stage.studio.end("one"));
    stage.turn();
    let states = |stage: &Stage| {
        let retained = stage.retained();
        ["one", "other"].map(|name| {
            let topic = format!("espmedsam/left/live/{name}/state");
            retained[&topic]["state"].clone()
        })
    };
    assert_eq!(states(&stage), ["ended", "starting"]);
    stage.broker.cut();
    stage.turn();
    assert!(stage.studio.end("other"));
    // Begun and ended while nobody listens: there is nothing to be told of it.
    stage.watch("third");
    stage.turn();
    assert!(stage.studio.end("third"));
    stage.turn();
    stage.pass(Duration::from_secs(2));
    stage.turn();
    assert_eq!(states(&stage), ["ended", "ended"]);
    assert!(
        !stage
            .retained()
            .contains_key("espmedsam/left/live/third/state")
    );
}

#[test]
fn an_orderly_end_leaves_every_source_ended_and_the_board_offline() {
    let mut stage = Stage::new(BrokerMood::Takes);
    let session = stage.watch("probe");
    stage.show(&session, BRIGHT, State::Mask);
    stage.turn();
    let (broker, meter) = (stage.broker.clone(), stage.meter.clone());
    assert!(stage.herald.end(stage.clock.now()));
    assert_eq!((broker.left(), meter.look().connected), (1, false));
    let retained = broker.retained();
    let kept = |topic: &str| -> Value {
        serde_json::from_slice(&retained[&format!("espmedsam/left/{topic}")]).unwrap()
    };
    assert_eq!(kept("live/probe/state")["state"], "ended");
    let status = kept("status");
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&"offline".into(), &"stopped".into())
    );
    let will: Value = serde_json::from_slice(&plan().last_will().payload).unwrap();
    assert_eq!(
        (&will["status"], &will["reason"]),
        (&"offline".into(), &"lost".into())
    );
    assert_eq!(will["notice"], NOTICE);
}

#[test]
fn a_payload_is_small_and_says_nothing_of_where_pictures_come_from() {
    let mut stage = Stage::new(BrokerMood::Takes);
    let session = stage.watch("probe");
    stage.show(&session, BRIGHT, State::Mask);
    stage.turn();
    stage.puppet.act(Act::Unplug);
    let begun = Instant::now();
    while session.look().state != State::NoSignal {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    assert!(session.look().detail.is_some());
    stage.turn();
    let heard = stage.broker.heard();
    assert!(heard.len() >= 4);
    for message in heard {
        let text = String::from_utf8(message.payload).unwrap();
        assert!(
            text.len() <= 2048,
            "{}: {} bytes",
            message.topic,
            text.len()
        );
        assert!(
            !text.contains("unplugged") && !text.contains("puppet"),
            "{text}"
        );
    }
}
