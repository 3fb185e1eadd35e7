//! What callers from other machines may take of what all share, and that this machine's own find the rest.

use std::io::Write;

use access::{AccessConfig, Scope};
use espmedsam_http::ServerConfig;
use tungstenite::handshake::client::generate_key;

use super::house::{FarStream, House, bearer};
use super::support::{ASK, Reply, good, read_reply, wait_until};

/// A house of that configuration, and what a caller from another machine shows who may do all of it.
fn house(config: ServerConfig) -> (House, String) {
    let access = AccessConfig {
        failures_per_minute: 1_000_000,
        ..AccessConfig::default()
    };
    let mut house = House::new(config, &access);
    let token = bearer(&house.token("far", &[Scope::Read, Scope::Segment]));
    (house, token)
}

/// Refused for want of other machines' share, which is told.
#[track_caller]
fn assert_beyond_their_share(reply: &Reply, kind: &str) {
    let problem = reply.assert_problem(503, kind);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("Other machines"), "{detail}");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

impl House {
    /// A far caller that sends so much of a picture, and no more.
    fn sends(&self, token: &str, length: usize, sent: &[u8]) -> FarStream {
        let mut stream = self.connect();
        let host = self.far;
        let head = format!(
            "POST {ASK} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{token}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(sent).unwrap();
        stream.flush().unwrap();
        stream
    }

    /// How many were told so.
    fn told(&self, kind: &str) -> usize {
        let metrics = String::from_utf8(self.server.get("/metrics").body).unwrap();
        let name = format!("problem=\"{kind}\"");
        let counts = metrics.lines().filter(|line| line.contains(&name));
        counts
            .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
            .sum()
    }
}

#[test]
fn uploads_of_other_machines_leave_half_of_the_memory() {
    let (house, token) = house(ServerConfig {
        body_limit_mib: 1,
        upload_budget_mib: 2,
        body_timeout_s: 60,
        ..ServerConfig::default()
    });
    let near = &house.server;
    let used = || {
        let uploads = &near.get("/v1/info").json()["uploads"];
        uploads["used_bytes"].as_u64().unwrap()
    };
    let held = house.sends(&token, 1 << 20, &vec![7; 900_000]);
    wait_until("it has arrived", || used() >= 900_000);
    let large = vec![7; 300_000];
    let post = || house.send(&format!("POST {ASK}"), &token, &large);
    assert_beyond_their_share(&post(), "upload-budget");
    // Of a length that was not declared, as soon as it is too much.
    let mut chunked = house.connect();
    let head = format!(
        "POST {ASK} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{token}\r\n493e0\r\n",
        house.far
    );
    let parts = [head.as_bytes(), &large, b"\r\n0\r\n\r\n"];
    chunked.write_all(&parts.concat()).unwrap();
    assert_beyond_their_share(&read_reply(&mut chunked), "upload-budget");
    assert_eq!(house.told("upload-budget"), 2);
    // They are larger than what was left of the half: in the other one there is room.
    near.post(ASK, "", &large)
        .assert_problem(415, "not-a-picture");
    near.assert_serves();
    drop(held);
    wait_until("it is given back", || used() == 0);
    post().assert_problem(415, "not-a-picture");
}

#[test]
fn requests_of_other_machines_leave_half_of_the_queue() {
    // 16 in flight, and a queue of eight: they may fill neither by more than half.
    let (house, token) = house(ServerConfig::default());
    let (near, picture) = (&house.server, good());
    near.fake.slow(60_000);
    let accepted = || near.fake.counts().0;
    let mut held = Vec::new();
    for count in 1..=4 {
        held.push(house.sends(&token, picture.len(), &picture));
        wait_until("it is accepted", || accepted() == count);
    }
    let post = || house.send(&format!("POST {ASK}"), &token, &picture);
    assert_beyond_their_share(&post(), "queue-full");
    let infer = house.send("POST /v2/models/ultrasound/infer", &token, b"{}");
    assert_eq!(infer.status, 503, "{infer:?}");
    let why = infer.json()["error"].to_string();
    assert!(why.contains("Other machines"), "{why}");
    assert_eq!(house.told("queue-full"), 2);
    std::thread::scope(|scope| {
        let served = scope.spawn(|| near.post(ASK, "", &picture).status);
        wait_until("this machine's is accepted", || accepted() == 5);
        near.fake.slow(0);
        // Who hangs up gives what it asked for up, and its place back.
        held.clear();
        assert_eq!(served.join().unwrap(), 200);
    });
    wait_until("their places are given back", || post().status == 200);
}

#[test]
fn viewers_on_other_machines_leave_half_of_the_places() {
    let (house, token) = house(ServerConfig {
        max_viewers: 5,
        ..ServerConfig::default()
    });
    house.begin_source();
    let near = &house.server;
    let looking: Vec<_> = ["stream.mjpeg", "events"]
        .map(|video| house.begin(video, &token))
        .into();
    for video in ["stream.mjpeg", "events", "y4m", "surround.jpg"] {
        let reply = house.get(&format!("/v1/live/{video}"), &token);
        assert_beyond_their_share(&reply, "too-many-viewers");
    }
    let mut socket = house.connect();
    let upgrade = format!(
        "GET /v1/live/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n{token}\r\n",
        house.far,
        generate_key()
    );
    socket.write_all(upgrade.as_bytes()).unwrap();
    assert_beyond_their_share(&read_reply(&mut socket), "too-many-viewers");
    assert_eq!(house.told("too-many-viewers"), 5);
    let begin = || {
        let url = format!("http://{}/v1/live/events", near.addr);
        ureq::get(&url).call()
    };
    let ours: Vec<_> = (0..3).map(|_| begin().unwrap()).collect();
    let full = near.get("/v1/live/events");
    let problem = full.assert_problem(503, "too-many-viewers");
    assert_eq!(problem["detail"], "Every place for a viewer is taken.");
    drop(looking);
    // It is let in again, and told that the source sends no picture.
    wait_until("their places are given back", || {
        house.get("/v1/live/surround.jpg", &token).status == 409
    });
    drop(ours);
}
