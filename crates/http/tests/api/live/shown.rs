//! What viewers are sent.

use picture::mask::presence::{Presence, PresenceState};
use serde_json::json;
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::coding::CloseCode;

use super::*;

#[test]
fn what_may_be_shown_now_is_told_with_its_age_and_its_mask() {
    let scene = Scene::new();
    scene.puppet.act(BRIGHT);
    scene.wait_for(State::Mask);
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        (&told["state"], &told["source"]),
        (&"mask".into(), &"probe".into())
    );
    assert_eq!(told["notice"], picture::NOTICE);
    assert_eq!(
        told["picture"],
        serde_json::json!({"width": 320, "height": 240})
    );
    assert_eq!(told["result"]["area"]["px"], 320 * 240);
    assert!(told["result"]["polygons"].is_array());
    assert!(told["age_ms"].as_f64().unwrap() < 400.0);
    let rle = scene
        .server
        .get("/v1/live/latest.json?source=probe&mask=rle");
    assert!(rle.json()["result"]["polygons"].is_null());

    scene.puppet.act(BRIGHT);
    scene.wait_for(State::Mask);
    let mask = scene.server.get("/v1/live/latest.png");
    assert_eq!(
        (mask.status, mask.header("x-espmedsam-state")),
        (200, Some("mask"))
    );
    let mask = image::load_from_memory(&mask.body).unwrap();
    assert!(
        mask.as_luma8()
            .unwrap()
            .pixels()
            .all(|pixel| pixel.0 == [255])
    );

    // Nothing came since: it has grown stale by itself, and no mask is given any more.
    scene.wait_for(State::Stale);
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        (&told["state"], &told["words"]),
        (&"stale".into(), &"STALE".into())
    );
    assert!(told["result"].is_null());
    scene
        .server
        .get("/v1/live/latest.png")
        .assert_problem(409, "no-mask");
    scene
        .server
        .post("/v1/live/snapshot", "", b"")
        .assert_problem(409, "no-mask");
    let picture = scene.server.get("/v1/live/latest.jpg?width=160");
    assert_eq!(picture.status, 200);
}

#[test]
fn the_stream_is_pictures_that_say_what_they_are() {
    let scene = Scene::new();
    scene.play();
    let mut stream = scene.endless("/v1/live/stream.mjpeg");
    let mut sequence = None;
    for _ in 0..5 {
        let (head, jpeg) = part(&mut stream);
        assert_eq!(header(&head, "X-Espmedsam-State"), Some("mask"));
        let age: f64 = header(&head, "X-Espmedsam-Age-Ms")
            .unwrap()
            .parse()
            .unwrap();
        assert!(age <= 400.0, "{age}");
        let number: u64 = header(&head, "X-Espmedsam-Sequence")
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            sequence
                .replace(number)
                .is_none_or(|before| before <= number)
        );
        let frame = decode(&jpeg, &FrameLimits::default()).unwrap();
        assert_eq!(frame.size(), [320, 240]);
    }
    scene.stop();
    let begun = Instant::now();
    loop {
        let (head, _) = part(&mut stream);
        match header(&head, "X-Espmedsam-State").unwrap() {
            "no-signal" => break,
            "mask" | "stale" => assert!(begun.elapsed() < Duration::from_secs(30)),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_socket_gets_each_answer_with_its_picture_or_its_mask() {
    let scene = Scene::new();
    scene.play();
    let mut socket = scene.socket("mask=polygons&picture=jpeg");
    let (told, jpeg) = message_with(&mut socket, |told| told["state"] == "mask");
    assert_eq!(told["payload"], "image/jpeg");
    assert_eq!(told["result"]["area"]["px"], 320 * 240);
    let frame = decode(&jpeg, &FrameLimits::default()).unwrap();
    // Nothing is drawn upon it.
    assert!(frame.rgb().iter().all(|value| (196..=255).contains(value)));

    let mut masks = scene.socket("source=probe&mask=png");
    let (told, png) = message_with(&mut masks, |told| told["state"] == "mask");
    assert_eq!(told["payload"], "image/png");
    assert_eq!(image::load_from_memory(&png).unwrap().width(), 320);
    let mut bare = scene.socket("mask=none");
    let (told, payload) = message(&mut bare);
    assert!(told["payload"].is_null() && payload.is_empty());

    // A model that fails is told to all of them.
    scene
        .server
        .fake
        .set_readiness(Readiness::Stuck("it hangs".into()));
    for socket in [&mut socket, &mut masks, &mut bare] {
        let (told, _) = message_with(socket, |told| told["state"] == "model-fault");
        assert_eq!(told["detail"], "it hangs");
        assert!(told["result"].is_null());
    }
}

#[test]
fn events_tell_states_as_they_change() {
    let scene = Scene::new();
    scene.play();
    let mut events = scene
        .endless("/v1/live/events?mask=none")
        .lines()
        .map(Result::unwrap);
    let mut wait_for = |wanted: &str| {
        let line = format!("event: {wanted}");
        assert!(events.any(|found| found == line), "no {wanted}");
        let data = events.next().unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["state"], wanted);
    };
    wait_for("mask");
    scene.stop();
    scene.puppet.act(DARK);
    wait_for("nothing-found");
    wait_for("stale");
    wait_for("no-signal");
}

#[test]
fn whether_anything_is_there_is_told_of_the_answered_picture() {
    let scene = Scene::new();
    let said = Presence {
        score: 0.03125,
        state: PresenceState::Absent,
    };
    scene.server.fake.says_presence(Some(said));
    scene.puppet.act(BRIGHT);
    scene.wait_for(State::NothingFound);
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        told["presence"],
        json!({"score": 0.03125, "state": "absent"})
    );
    assert_eq!(told["result"]["presence"], told["presence"]);
    assert_eq!(told["result"]["result"], "nothing-found");
}

#[test]
fn a_slow_client_misses_pictures_and_slows_nobody() {
    let scene = Scene::new();
    scene.play();
    let mut slow = scene.endless("/v1/live/stream.mjpeg");
    let (_, _) = part(&mut slow);
    let published = || {
        scene
            .server
            .studio
            .find(None)
            .unwrap()
            .1
            .look()
            .counts
            .published
    };
    let before = published();
    let mut quick = scene.endless("/v1/live/stream.mjpeg?raw=1");
    wait_until("200 answers", || {
        let _ = part(&mut quick);
        published() > before + 200
    });
    // What lies in the sockets' buffers is old, and says so; then it is told how many it missed.
    let begun = Instant::now();
    loop {
        let (head, _) = part(&mut slow);
        let missed: u64 = header(&head, "X-Espmedsam-Missed")
            .unwrap()
            .parse()
            .unwrap();
        if missed > 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_recorder_gets_pictures_of_one_size_at_a_steady_rate() {
    let scene = Scene::new();
    scene.play();
    let mut video = scene.endless("/v1/live/y4m?rate=30");
    let mut line = String::new();
    video.read_line(&mut line).unwrap();
    assert!(line.starts_with("YUV4MPEG2 W320 H240 F30:1 "), "{line}");
    let begun = Instant::now();
    for _ in 0..30 {
        line.clear();
        video.read_line(&mut line).unwrap();
        assert_eq!(line, "FRAME\n");
        video.read_exact(&mut vec![0; 320 * 240 * 3 / 2]).unwrap();
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn the_newest_picture_can_be_had() {
    let scene = Scene::new();
    scene.play();
    let mut fresh = scene.endless("/v1/live/stream.mjpeg?mode=fresh");
    let (head, jpeg) = part(&mut fresh);
    assert_eq!(header(&head, "X-Espmedsam-State"), Some("mask"));
    decode(&jpeg, &FrameLimits::default()).unwrap();
    scene
        .server
        .get("/v1/live/stream.mjpeg?mode=stale")
        .assert_problem(400, "bad-query");
}

#[test]
fn who_talks_is_told_all_the_same_and_who_floods_is_let_go() {
    let scene = Scene::new();
    let mut socket = scene.socket("mask=none");
    let mouth = socket.get_ref().try_clone().unwrap();
    let mut mouth = WebSocket::from_raw_socket(mouth, Role::Client, None);
    let talking = Arc::new(AtomicBool::new(true));
    let goes_on = talking.clone();
    let talker = std::thread::spawn(move || {
        // A word comes before each time that something would be told for want of news.
        while goes_on.load(SeqCst) {
            mouth.send(Message::text("word")).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        for _ in 0..100_000 {
            if mouth.send(Message::text("word")).is_err() {
                return;
            }
        }
    });
    for _ in 0..5 {
        message(&mut socket);
    }
    talking.store(false, SeqCst);
    let why = loop {
        match socket.read().unwrap() {
            Message::Close(why) => break why.unwrap(),
            told => assert!(told.is_binary()),
        }
    };
    assert_eq!(why.code, CloseCode::Policy);
    drop(socket);
    talker.join().unwrap();
}
