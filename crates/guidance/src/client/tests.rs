mod stage;

use igtl::{ArrayMessage, WorldAxes};
use live::State;
use picture::sync::lock;
use testing::puppet::Act;

use self::stage::{Came, Stage, names, placed};
use super::*;

#[test]
fn a_mask_comes_with_its_state_its_picture_and_its_place() {
    let mut stage = Stage::new();
    let (act, matrix) = placed();
    stage.until_mask(&act);
    let came = stage.turn();
    assert_eq!(
        names(&came),
        [
            "STATUS probe_Status",
            "IMAGE probe_Image",
            "IMAGE probe_Label"
        ]
    );
    let [status, picture, label] = came.as_slice() else {
        panic!()
    };
    assert_eq!(status.status().code, StatusCode::Ok);
    assert!(status.status().name.is("mask"));
    assert!(String::from_utf8_lossy(status.status().text).ends_with(NOTICE));
    let view = stage.session.look();
    let segmentation = view.masked().unwrap();
    let (picture_image, label_image) = (picture.image(), label.image());
    assert_eq!(
        (picture_image.components, picture_image.samples),
        (3, segmentation.frame.rgb())
    );
    assert_eq!((label_image.components, label_image.size), (1, [20, 16, 1]));
    let mask = segmentation
        .mask
        .pixels()
        .iter()
        .map(|pixel| u8::from(*pixel == 255));
    assert!(
        label_image.samples.iter().copied().eq(mask.clone()) && mask.clone().any(|one| one == 1)
    );
    for (came, image) in [(picture, picture_image), (label, label_image)] {
        assert_eq!((image.matrix, image.axes), (matrix, WorldAxes::Ras));
        assert_eq!(came.header.stamp, IgtlStamp(1_700_000_000 << 32));
        assert_eq!(came.said("Notice").as_deref(), Some(NOTICE));
    }
    assert_eq!(label.said("State").as_deref(), Some("mask"));
    assert_eq!(label.said("PixelMm").as_deref(), Some("0.25,0.5"));
    assert_eq!(
        label.said("ModelSha256").as_deref(),
        Some(segmentation.model_sha256.as_str())
    );
    assert!(stage.turn().is_empty(), "told once");
    // Each newer picture has its mask, the state is told again after a second.
    let mut states = 0;
    for _ in 0..60 {
        stage.show(&act);
        let came = names(&stage.turn());
        assert!(
            came.ends_with(&["IMAGE probe_Image".into(), "IMAGE probe_Label".into()]),
            "{came:?}"
        );
        states += came.len() - 2;
    }
    assert_eq!(states, 1);
}

#[test]
fn where_there_is_no_mask_to_show_an_empty_one_takes_its_place_first() {
    let mut stage = Stage::new();
    let (act, matrix) = placed();
    let first = stage.turn();
    assert_eq!(
        names(&first),
        ["STATUS probe_Status"],
        "of no picture there is no map"
    );
    assert_eq!(first[0].status().code, StatusCode::NotReady);
    for (withhold, name, code) in [
        ("stale", "stale", StatusCode::TimeOut),
        ("frozen", "frozen", StatusCode::Manual),
        ("hidden", "mask-hidden", StatusCode::Manual),
        ("unplugged", "no-signal", StatusCode::NotPresent),
    ] {
        stage.until_mask(&act);
        assert!(
            names(&stage.turn()).contains(&"IMAGE probe_Label".to_owned()),
            "{withhold}"
        );
        match withhold {
            "stale" => stage.clock.advance(Duration::from_millis(401)),
            "frozen" => stage.session.freeze(true),
            "hidden" => stage.session.hide_mask(true),
            _ => {
                stage.puppet.act(Act::Unplug);
                stage.until(State::NoSignal);
            }
        }
        let came = stage.turn();
        assert_eq!(
            names(&came),
            ["IMAGE probe_Label", "STATUS probe_Status"],
            "{withhold}"
        );
        let image = came[0].image();
        assert!(image.samples.len() == 320 && image.samples.iter().all(|sample| *sample == 0));
        assert_eq!(image.matrix, matrix, "over the one that it had");
        assert_eq!(came[0].said("State").as_deref(), Some(name));
        let status = came[1].status();
        assert!(
            status.name.is(name) && status.code == code,
            "{withhold}: {status:?}"
        );
        assert!(String::from_utf8_lossy(status.text).ends_with(NOTICE));
        stage.session.freeze(false);
        stage.session.hide_mask(false);
    }
}

#[test]
fn nothing_found_is_told_and_shows_nothing() {
    let mut stage = Stage::new();
    let dark = Act::Picture(20, 16, 50);
    stage.puppet.act(dark);
    stage.until(State::NothingFound);
    let came = stage.turn();
    assert_eq!(names(&came), ["IMAGE probe_Label", "STATUS probe_Status"]);
    assert!(came[0].image().samples.iter().all(|sample| *sample == 0));
    assert_eq!(came[1].status().code, StatusCode::NotFound);
    assert!(came[1].status().name.is("nothing-found"));
}

#[test]
fn logits_come_when_they_are_asked_for_and_a_mask_may_be_shown() {
    let mut stage = Stage::new();
    stage.ask("GET_NDARRAY", "probe", HeaderVersion::Two);
    let came = stage.turn();
    assert_eq!(names(&came), ["STATUS probe_Status"], "there is none yet");
    let (act, _) = placed();
    stage.until_mask(&act);
    let came = stage.turn();
    let arrays: Vec<&Came> = came
        .iter()
        .filter(|came| came.header.kind.is("NDARRAY"))
        .collect();
    let [array] = arrays.as_slice() else {
        panic!("{:?}", names(&came))
    };
    assert!(array.header.device.is("probe_Logits"));
    let view = stage.session.look();
    let logits = &view.masked().unwrap().low_res;
    let found = array.content();
    let found = ArrayMessage::read(found.content).unwrap();
    assert!(found.sides().eq([logits.side() as u16; 2]));
    let values = found
        .data
        .as_chunks::<4>()
        .0
        .iter()
        .map(|value| f32::from_be_bytes(*value));
    assert!(values.eq(logits.logits().iter().copied()));
    assert_eq!(array.said("Notice").as_deref(), Some(NOTICE));
    assert!(stage.turn().is_empty(), "once");
    stage.ask("STT_NDARRAY", "", HeaderVersion::Two);
    assert_eq!(names(&stage.turn()), ["RTS_NDARRAY "]);
    assert!(stage.turn().is_empty(), "the mask is no news");
    for _ in 0..2 {
        stage.show(&act);
        let came = names(&stage.turn());
        assert_eq!(
            came.last().map(String::as_str),
            Some("NDARRAY probe_Logits")
        );
    }
    stage.ask("STP_NDARRAY", "", HeaderVersion::Two);
    let came = stage.turn();
    assert_eq!(names(&came), ["RTS_NDARRAY "]);
    assert_eq!(came[0].content().content, [0]);
    stage.ask("STT_NDARRAY", "nobody", HeaderVersion::Two);
    stage.ask("GET_NDARRAY", "nobody", HeaderVersion::Two);
    let came = stage.turn();
    assert_eq!(names(&came), ["RTS_NDARRAY nobody", "STATUS nobody"]);
    assert_eq!(came[0].content().content, [1]);
    assert_eq!(came[1].status().code, StatusCode::NotFound);
}

#[test]
fn who_asks_by_version_1_is_answered_by_it() {
    let mut stage = Stage::new();
    assert_eq!(stage.turn()[0].header.version, HeaderVersion::Two);
    stage.ask("GET_STATUS", "", HeaderVersion::One);
    stage.ask("GET_CAPABIL", "x", HeaderVersion::One);
    let came = stage.turn();
    assert!(
        came.iter()
            .all(|came| came.header.version == HeaderVersion::One)
    );
    assert_eq!(names(&came), ["STATUS x", "STATUS probe_Status"]);
    assert_eq!(came[0].status().code, StatusCode::Instruction);
    stage.ask("GET_STATUS", "probe_Status", HeaderVersion::Two);
    assert_eq!(stage.turn()[0].header.version, HeaderVersion::Two);
}

#[test]
fn a_source_that_is_watched_no_more_is_told_as_ended_and_forgotten() {
    let mut stage = Stage::new();
    let (act, _) = placed();
    stage.until_mask(&act);
    stage.turn();
    assert!(stage.studio.end("probe"));
    let came = stage.turn();
    assert_eq!(names(&came), ["IMAGE probe_Label", "STATUS probe_Status"]);
    assert!(came[1].status().name.is("ended"));
    assert!(stage.client.sources.is_empty());
}

#[test]
fn who_takes_nothing_talks_nonsense_or_hangs_up_is_parted_with() {
    let mut slow = Stage::new();
    lock(&slow.script.0).takes = Some(10);
    assert!(matches!(slow.client.turn(), Err(Parted::TooSlow)));
    let mut foreign = Stage::new();
    lock(&foreign.script.0)
        .says
        .extend(b"GET / HTTP/1.1\r\n".repeat(9));
    assert!(matches!(foreign.client.turn(), Err(Parted::Fault(_))));
    let mut lying = Stage::new();
    lying.ask("GET_STATUS", "", HeaderVersion::One);
    let mut claimed = lock(&lying.script.0);
    claimed.says.range_mut(42..50).for_each(|byte| *byte = 0xff);
    drop(claimed);
    let parted = lying.client.turn();
    assert!(
        matches!(parted, Err(Parted::Fault(IgtlFault::TooLong { .. }))),
        "{parted:?}"
    );
    let mut gone = Stage::new();
    lock(&gone.script.0).gone = true;
    assert!(matches!(gone.client.turn(), Err(Parted::HungUp)));
    // A question that was damaged is none; who sent it is told on as before.
    let mut damaged = Stage::new();
    damaged.turn();
    damaged.ask("GET_STATUS", "", HeaderVersion::Two);
    *lock(&damaged.script.0).says.back_mut().unwrap() ^= 1;
    assert!(damaged.turn().is_empty());
}
