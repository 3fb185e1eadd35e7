//! The real client, over real sockets, with brokers that are wicked, dead or slow.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use espmedsam_mqtt::{
    Broker, BrokerLink, LinkError, LinkNews, MqttConfig, MqttDelivery, MqttLogin, MqttMessage,
    MqttPlan, RumqttBroker,
};

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// CONNACK (MQTT 3.1.1, 3.2): let in, and not, as user or password is wrong.
const LET_IN: [u8; 4] = [0x20, 2, 0, 0];
const WRONG_PASSWORD: [u8; 4] = [0x20, 2, 0, 4];
/// PUBACK (3.4) of the first message.
const ACKNOWLEDGED: [u8; 4] = [0x40, 2, 0, 1];
/// DISCONNECT (3.14).
const LEAVE: [u8; 2] = [0xe0, 0];

fn plan(port: u16) -> MqttPlan {
    let config = MqttConfig {
        broker: Some(format!("127.0.0.1:{port}")),
        device: Some("left".into()),
        // No ping comes in between, however slow the machine is.
        keep_alive_s: 3600,
        ..MqttConfig::default()
    };
    MqttPlan {
        login: Some(MqttLogin {
            user: "board".into(),
            password: "hush".into(),
        }),
        ..config.plan().unwrap().unwrap()
    }
}

/// Dials a broker that does this to who comes.
fn dial(does: impl FnOnce(TcpStream) + Send + 'static) -> (RumqttBroker, Box<dyn BrokerLink>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || does(listener.accept().unwrap().0));
    let mut broker = RumqttBroker::new(&plan(port)).unwrap();
    let link = broker.dial().unwrap();
    (broker, link)
}

/// Reads what is said first, and says that.
fn answer(mut stream: &TcpStream, says: &[u8]) {
    assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0);
    stream.write_all(says).unwrap();
}

fn next(link: &mut dyn BrokerLink) -> LinkNews {
    let news = link.next(Instant::now() + PATIENCE);
    news.unwrap_or_else(|| panic!("nothing happens"))
}

fn lost(link: &mut dyn BrokerLink) -> LinkError {
    match next(link) {
        LinkNews::Lost(error) => error,
        other => panic!("{other:?}"),
    }
}

fn message(topic: &str, delivery: MqttDelivery) -> MqttMessage {
    MqttMessage {
        topic: topic.into(),
        payload: b"{}".into(),
        delivery,
    }
}

#[test]
fn nobody_at_the_address_is_told() {
    // Bound and let go: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut broker = RumqttBroker::new(&plan(port)).unwrap();
    let mut link = broker.dial().unwrap();
    assert!(matches!(lost(link.as_mut()), LinkError::Unreachable(_)));
}

#[test]
fn a_refusal_is_told_in_words() {
    let (_broker, mut link) = dial(|stream| answer(&stream, &WRONG_PASSWORD));
    let error = lost(link.as_mut());
    assert_eq!(
        error,
        LinkError::Refused("user or password is wrong".into())
    );
}

#[test]
fn a_broker_that_never_answers_is_given_up() {
    let (keep, kept) = channel();
    let (_broker, mut link) = dial(move |stream| keep.send(stream).unwrap());
    assert_eq!(lost(link.as_mut()), LinkError::Silent);
    drop(kept);
}

#[test]
fn who_hangs_up_is_noticed() {
    let (_broker, mut link) = dial(|stream| answer(&stream, &LET_IN));
    assert_eq!(next(link.as_mut()), LinkNews::Up);
    assert!(matches!(lost(link.as_mut()), LinkError::Lost(_)));
}

#[test]
fn a_message_that_nobody_asked_for_ends_the_connection() {
    let says = [&LET_IN[..], &[0x30, 5, 0, 1, b'a', b'h', b'i']].concat();
    let (keep, _kept) = channel();
    let (_broker, mut link) = dial(move |stream| {
        answer(&stream, &says);
        keep.send(stream).unwrap();
    });
    assert_eq!(next(link.as_mut()), LinkNews::Up);
    assert!(matches!(lost(link.as_mut()), LinkError::Protocol(_)));
}

#[test]
fn a_packet_without_end_is_not_waited_for() {
    // PUBLISH of 256 MiB, of which nothing comes.
    let says = [&LET_IN[..], &[0x30, 0xff, 0xff, 0xff, 0x7f]].concat();
    let (keep, _kept) = channel();
    let (_broker, mut link) = dial(move |stream| {
        answer(&stream, &says);
        keep.send(stream).unwrap();
    });
    assert_eq!(next(link.as_mut()), LinkNews::Up);
    assert!(matches!(lost(link.as_mut()), LinkError::Protocol(_)));
}

/// A broker that lets in, acknowledges the first message or none, and hands over all that it was told once the client has gone.
fn recording(acknowledges: bool) -> (RumqttBroker, Box<dyn BrokerLink>, Receiver<Vec<u8>>) {
    let (tell, told) = channel();
    let (broker, link) = dial(move |mut stream| {
        let mut all = Vec::new();
        let mut room = [0; 4096];
        loop {
            let count = stream.read(&mut room).unwrap();
            if count == 0 {
                break;
            }
            if all.is_empty() {
                stream.write_all(&LET_IN).unwrap();
            }
            all.extend_from_slice(&room[..count]);
            if acknowledges && holds(&room[..count], b"a/state") {
                assert!(!all.ends_with(&LEAVE), "nothing is acknowledged yet");
                stream.write_all(&ACKNOWLEDGED).unwrap();
            }
        }
        tell.send(all).unwrap();
    });
    (broker, link, told)
}

#[test]
fn what_is_said_is_what_the_standard_has_for_it() {
    let (_broker, mut link, told) = recording(true);
    assert_eq!(next(link.as_mut()), LinkNews::Up);
    assert!(link.offer(message("a/state", MqttDelivery::Retained)));
    assert!(link.offer(message("a/result", MqttDelivery::Passing)));
    assert!(link.close(Instant::now() + PATIENCE));
    let told = told.recv_timeout(PATIENCE).unwrap();
    // CONNECT (3.1): protocol level 4; user's name and password, a will that is retained and of QoS 1, a clean session.
    assert_eq!(told[0], 0x10);
    let protocol = [0, 4, b'M', b'Q', b'T', b'T', 4, 0b1110_1110, 0x0e, 0x10];
    assert!(holds(&told, &protocol), "{told:?}");
    for text in [
        "espmedsam-left",
        "espmedsam/left/status",
        "\"reason\":\"lost\"",
        "board",
        "hush",
    ] {
        assert!(holds(&told, text.as_bytes()), "{text}");
    }
    // PUBLISH (3.3): QoS 1 and retained, by its number; QoS 0 and not.
    assert!(holds(&told, b"\x33\x0d\0\x07a/state\0\x01{}"), "{told:?}");
    assert!(holds(&told, b"\x30\x0c\0\x08a/result{}"), "{told:?}");
    assert!(told.ends_with(&LEAVE), "{told:?}");
}

fn holds(told: &[u8], part: &[u8]) -> bool {
    told.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_broker_that_takes_nothing_more_costs_no_memory() {
    // It acknowledges nothing, so what is in flight fills its places, and then the queue its own.
    let (_broker, mut link, _told) = recording(false);
    assert_eq!(next(link.as_mut()), LinkNews::Up);
    let mut taken = 0;
    for _ in 0..1000 {
        taken += u32::from(link.offer(message("a/state", MqttDelivery::Retained)));
        while let Some(news) = link.next(Instant::now()) {
            assert_eq!(news, LinkNews::Sent);
        }
    }
    assert!((33..=65).contains(&taken), "{taken}");
    assert!(!link.close(Instant::now() + Duration::from_millis(200)));
}
