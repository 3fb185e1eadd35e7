//! The door for other machines, over real TLS: who may do what, and what nobody may.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use access::{AccessConfig, Scope};
use durable::SystemDisk;
use espmedsam_http::ServerConfig;
use tungstenite::handshake::client::generate_key;
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::house::{House, bearer};
use super::support::{ASK, good, wait_until};

#[test]
fn nothing_is_told_without_a_token_but_that_it_runs() {
    let house = House::usual();
    assert_eq!(house.get("/health/live", "").status, 200);
    for path in [
        "/v1/info",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/nothing",
        "/live/main.js",
    ] {
        let reply = house.get(path, "");
        reply.assert_problem(401, "no-token");
        let challenge = reply.header("www-authenticate");
        assert_eq!(challenge, Some("Bearer realm=\"espmedsam\""), "{path}");
        assert!(reply.header("strict-transport-security").is_some());
    }
    let wrong = house.get("/v1/info", &bearer("espm_wrong"));
    wrong.assert_problem(401, "bad-token");
    assert!(
        wrong
            .header("www-authenticate")
            .unwrap()
            .contains("invalid_token")
    );
    house
        .send(&format!("POST {ASK}"), "", &good())
        .assert_problem(401, "no-token");
    // Below /v2 it is said in that protocol's words.
    let inference = house.get("/v2", "");
    assert_eq!(inference.status, 401);
    assert!(inference.json()["error"].is_string());
    // On this machine nobody is asked, and nothing says that TLS is always spoken.
    let near = house.server.get("/v1/info");
    assert_eq!(
        (near.status, near.header("strict-transport-security")),
        (200, None)
    );
    house.server.assert_serves();
}

#[test]
fn a_token_is_good_for_its_scopes_alone() {
    let mut house = House::usual();
    let token = |house: &mut House, scope: Scope| bearer(&house.token(scope.name(), &[scope]));
    let [read, segment, control, admin] = Scope::ALL.map(|scope| token(&mut house, scope));
    let asks = [
        ("GET /v1/info", 200, &read),
        ("GET /metrics", 200, &read),
        (&format!("POST {ASK}"), 200, &segment),
        // Let in, and told what is wrong with what was asked.
        ("POST /v1/sources", 400, &control),
        ("POST /v1/live/freeze", 404, &control),
        ("POST /v2/repository/models/no/unload", 404, &admin),
    ];
    for (request, status, good_for) in asks {
        for headers in [&read, &segment, &control, &admin] {
            let reply = house.send(request, headers, &good());
            match headers == good_for {
                true => {
                    assert_eq!(reply.status, status, "{request}: {reply:?}");
                    assert_eq!(reply.header("www-authenticate"), None, "{request}");
                }
                false => {
                    assert_eq!(reply.status, 403, "{request}");
                    let challenge = reply.header("www-authenticate").unwrap();
                    assert!(challenge.contains("insufficient_scope"), "{challenge}");
                }
            }
        }
    }
}

#[test]
fn a_token_that_is_taken_away_is_good_for_nothing_within_a_moment() {
    let mut house = House::usual();
    let token = bearer(&house.token("ward", &[Scope::Read]));
    assert_eq!(house.get("/v1/info", &token).status, 200);
    house.roll.remove("ward").unwrap();
    house.roll.write(house.folder.path(), &SystemDisk).unwrap();
    wait_until("nobody is let in with it", || {
        house.get("/v1/info", &token).status != 200
    });
    house
        .get("/v1/info", &token)
        .assert_problem(401, "bad-token");
}

#[test]
fn video_that_is_being_looked_at_ends_with_its_token() {
    let mut house = House::usual();
    house.begin_source();
    let lost = bearer(&house.token("lost", &[Scope::Read]));
    let kept = bearer(&house.token("kept", &[Scope::Read]));
    let videos = ["stream.mjpeg", "events", "y4m"];
    let and_no_more = format!("{lost}Connection: close\r\n");
    let mut looked_at = videos.map(|video| house.begin(video, &and_no_more));
    let mut goes_on = house.begin(videos[1], &kept);
    let upgrade = format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n{lost}",
        generate_key()
    );
    let socket = house.begin("ws", &upgrade);
    let mut socket = WebSocket::from_raw_socket(socket, Role::Client, None);
    assert!(socket.read().unwrap().is_binary());

    house.roll.remove("lost").unwrap();
    house.roll.write(house.folder.path(), &SystemDisk).unwrap();
    for (stream, video) in looked_at.iter_mut().zip(videos) {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        // As HTTP ends a body whose length was not said (RFC 9112 §7.1).
        assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "{video}");
    }
    let why = loop {
        match socket.read().unwrap() {
            Message::Close(why) => break why.unwrap(),
            message => assert!(message.is_binary()),
        }
    };
    assert_eq!(why.code, CloseCode::Policy);
    // Whoever looks by another token sees nothing of it.
    for _ in 0..10 {
        assert_ne!(goes_on.read(&mut [0; 1 << 10]).unwrap(), 0);
    }
}

#[test]
fn a_browser_shows_its_token_once() {
    let mut house = House::usual();
    let token = house.token("tablet", &[Scope::Read]);
    let page = "Accept: text/html,*/*\r\n";
    for path in ["/", "/live"] {
        let sent = house.get(path, page);
        assert_eq!(
            (sent.status, sent.header("location")),
            (303, Some("/login")),
            "{path}"
        );
    }
    let login = house.get("/login", page);
    let policy = login.header("content-security-policy").unwrap();
    assert_eq!(login.status, 200);
    assert!(
        policy.contains("form-action 'self'") && !policy.contains("script-src"),
        "{policy}"
    );
    let text = String::from_utf8(login.body.clone()).unwrap();
    assert!(text.contains(picture::NOTICE) && !text.contains("<script"));

    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let wrong = house.send("POST /login", form, b"token=espm_wrong");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    for bad in [&b"token"[..], b"", b"other=1", &[b'a'; 5000]] {
        let refused = house.send("POST /login", form, bad);
        assert!((400..500).contains(&refused.status), "{refused:?}");
    }
    let other_site =
        format!("{form}Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n");
    let body = format!("token={token}");
    house
        .send("POST /login", &other_site, body.as_bytes())
        .assert_problem(403, "cross-site");

    let entered = house.send("POST /login", form, body.as_bytes());
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/live"))
    );
    let laid = entered.header("set-cookie").unwrap();
    for part in [
        "__Host-espmedsam=espm_",
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Max-Age=43200",
    ] {
        assert!(laid.contains(part), "{laid}");
    }
    assert!(!laid.contains(&token), "the cookie is not the token");
    let cookie = format!("Cookie: a=b; {}\r\n", laid.split(';').next().unwrap());
    assert_eq!(house.get("/live", &cookie).status, 200);
    assert_eq!(house.get("/v1/info", &cookie).status, 200);
    // It is good for what the token is.
    house
        .send(&format!("POST {ASK}"), &cookie, &good())
        .assert_problem(403, "not-for-this");
    let left = house.send("POST /logout", &cookie, b"");
    assert_eq!(left.header("location"), Some("/login"));
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    house
        .get("/v1/info", &cookie)
        .assert_problem(401, "bad-token");
    assert_eq!(house.changes(), ["token tablet: logged in"]);
    // On this machine there is nothing to enter.
    assert_eq!(house.server.get("/login").header("location"), Some("/"));
}

#[test]
fn who_guesses_or_asks_too_often_is_told_to_wait() {
    let access = AccessConfig {
        requests_per_s: 1,
        failures_per_minute: 1000,
        ..AccessConfig::default()
    };
    let mut house = House::new(ServerConfig::default(), &access);
    let token = bearer(&house.token("often", &[Scope::Read]));
    wait_until("too often", || house.get("/v1/info", &token).status == 429);
    let reply = house.get("/v1/info", &token);
    // The second may be over between the two.
    if reply.status != 200 {
        reply.assert_problem(429, "too-often");
        assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    }
    let access = AccessConfig {
        failures_per_minute: 2,
        ..AccessConfig::default()
    };
    let house = House::new(ServerConfig::default(), &access);
    let guess = || house.get("/v1/info", &bearer("espm_guess"));
    for _ in 0..2 {
        guess().assert_problem(401, "bad-token");
    }
    guess().assert_problem(429, "too-often");
    house.server.assert_serves();
}

#[test]
fn what_is_changed_is_written_down_with_who_did_it() {
    let mut house = House::usual();
    let token = bearer(&house.token("nurse", &[Scope::Control, Scope::Read]));
    let described =
        br#"{"name":"Mrs-Example","modality":"ultrasound","source":{"kind":"pipe","path":"-"}}"#;
    let json = format!("{token}Content-Type: application/json\r\n");
    house.server.puppet.lend(false);
    house
        .send("POST /v1/sources", &json, described)
        .assert_problem(403, "sources-fixed");
    house.server.puppet.lend(true);
    let begun = house.send("POST /v1/sources", &json, described);
    assert_eq!(begun.status, 201, "{begun:?}");
    let near = house.server.addr;
    let end = format!(
        "DELETE /v1/sources/Mrs-Example HTTP/1.1\r\nHost: {near}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(house.server.send(&end, b"").status, 204);
    // What was refused changed nothing, and what a source is called is nobody's business.
    assert_eq!(
        house.changes(),
        [
            "token nurse: POST /v1/sources",
            "this device: DELETE /v1/sources/{name}"
        ]
    );
}

#[test]
fn what_is_no_tls_and_old_tls_get_nothing() {
    let house = House::usual();
    let mut plain = TcpStream::connect(house.far).unwrap();
    plain
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    plain
        .write_all(b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    // TLS's own word for it (RFC 8446 §6), or nothing.
    assert!(said.is_empty() || said[0] == 21, "{said:?}");
    // A ClientHello of TLS 1.1, as its record and its version say (RFC 4346 §7.4.1.2).
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let mut old = TcpStream::connect(house.far).unwrap();
    old.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    old.write_all(&hello).unwrap();
    let mut said = Vec::new();
    let _ = old.read_to_end(&mut said);
    assert!(said.is_empty() || said[0] == 21, "{said:?}");
    house.server.assert_serves();
}

#[test]
fn a_flood_of_other_machines_leaves_room_for_this_one() {
    let config = ServerConfig {
        max_connections: 4,
        header_timeout_s: 30,
        ..ServerConfig::default()
    };
    let house = House::new(config, &AccessConfig::default());
    // None of them says a word.
    let flood: Vec<TcpStream> = (0..8)
        .map(|_| TcpStream::connect(house.far).unwrap())
        .collect();
    wait_until("those beyond half of the places are closed", || {
        let closed = flood.iter().filter(|stream| {
            stream.set_nonblocking(true).unwrap();
            matches!(stream.peek(&mut [0]), Ok(0) | Err(_)) && stream.peek(&mut [0]).is_ok()
        });
        closed.count() == 6
    });
    house.server.assert_serves();
}

#[test]
fn who_never_finishes_with_tls_is_let_go() {
    let config = ServerConfig {
        header_timeout_s: 1,
        ..ServerConfig::default()
    };
    let house = House::new(config, &AccessConfig::default());
    let mut silent = TcpStream::connect(house.far).unwrap();
    silent
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    silent.write_all(&[22, 3]).unwrap();
    let end = silent.read_to_end(&mut Vec::new());
    let reset = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(end.is_ok() || reset(end.unwrap_err()));
    house.server.assert_serves();
}
