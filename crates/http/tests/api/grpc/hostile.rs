//! Clients that want more than there is, and those that want nothing good.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::super::support::{Server, wait_until};
use super::client::{Client, answered, field, framed, varint};
use super::{EXHAUSTED, INFER, config, grey, image, outputs, start};
use axum::body::Bytes;
use espmedsam_http::ServerConfig;

/// What a client of HTTP/2 says first, and empty settings (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn raw(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.grpc.unwrap()).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    stream
}

/// Asserts that the server ends the connection; the read time-out would be an error of another kind.
#[track_caller]
fn assert_ends(mut stream: TcpStream, what: &str) {
    let end = stream.read_to_end(&mut Vec::new());
    let reset = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(end.map_or_else(reset, |_| true), "{what}");
}

#[track_caller]
fn assert_serves(server: &Server) {
    let client = Client::connect(server.grpc.unwrap());
    let answer = client.call(INFER, &image(&grey()));
    assert_eq!(outputs(&answer)[0].1, grey());
}

#[test]
fn many_at_once_are_turned_away_and_all_are_answered() {
    let (server, client) = start(config(), 1);
    // By then the client knows how many it may have open; more than these wait at its end.
    assert_eq!(client.call("ServerLive", &[]).code, 0);
    server.fake.slow(200);
    let body = Bytes::from(framed(&image(&grey())));
    let codes: Vec<u16> = client.runtime.block_on(async {
        let all = (0..40).map(|_| {
            let request = client.request(INFER);
            tokio::spawn(answered(client.calls.clone(), request, body.clone()))
        });
        let all: Vec<_> = all.collect();
        let mut codes = Vec::new();
        for one in all {
            codes.push(one.await.unwrap().code);
        }
        codes
    });
    let good = codes.iter().filter(|code| **code == 0).count();
    let away = codes.iter().filter(|code| **code == EXHAUSTED).count();
    assert!(good > 0 && away > 0 && good + away == 40, "{codes:?}");
    server.fake.slow(0);
    assert_serves(&server);
}

#[test]
fn what_is_no_http_2_ends_and_the_service_goes_on() {
    let server = Server::start(config(), 8);
    for (bytes, what) in [
        (
            &b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
            "HTTP/1",
        ),
        (&[0xff; 4096], "junk"),
        (&[PREFACE, &[0xff; 4096]].concat(), "junk after the preface"),
    ] {
        let mut stream = raw(&server);
        let _ = stream.write_all(bytes);
        assert_ends(stream, what);
    }
    assert_serves(&server);
}

#[test]
fn who_says_nothing_or_nothing_more_is_ended() {
    let server = Server::start(
        ServerConfig {
            header_timeout_s: 1,
            idle_timeout_s: 1,
            ..config()
        },
        8,
    );
    assert_ends(raw(&server), "silent");
    let mut settled = raw(&server);
    settled.write_all(PREFACE).unwrap();
    assert_ends(settled, "settled");
    let client = Client::connect(server.grpc.unwrap());
    assert_eq!(client.call("ServerLive", &[]).code, 0);
    wait_until("an idle client is told to go", || {
        let ready = client.runtime.block_on(client.calls.clone().ready());
        ready.is_err()
    });
    assert_serves(&server);
}

#[test]
fn who_does_not_read_its_answers_makes_room_for_who_does() {
    let (server, deaf) = start(
        ServerConfig {
            reply_budget_mib: 1,
            ..config()
        },
        8,
    );
    // Two answers of 490,000 bytes are most of the budget; the window is 65,535.
    let input = [
        field(1, "image"),
        field(2, "UINT8"),
        field(3, [varint(700), varint(700)].concat()),
    ];
    let wanted = field(6, field(1, "mask"));
    let pixels = field(7, vec![9; 700 * 700]);
    let large = [
        field(1, "ultrasound"),
        field(5, input.concat()),
        wanted,
        pixels,
    ]
    .concat();
    let body = Bytes::from(framed(&large));
    let heads = deaf.runtime.block_on(async {
        let mut heads = Vec::new();
        for _ in 0..2 {
            let mut calls = deaf.calls.clone().ready().await.unwrap();
            let (head, mut sending) = calls.send_request(deaf.request(INFER), false).unwrap();
            sending.send_data(body.clone(), true).unwrap();
            heads.push(head.await.unwrap());
        }
        heads
    });
    let client = Client::connect(server.grpc.unwrap());
    let answer = client.call(INFER, &large);
    assert_eq!(outputs(&answer)[0].1.len(), 700 * 700);
    wait_until("who took nothing is cut off", || {
        let ready = deaf.runtime.block_on(deaf.calls.clone().ready());
        ready.is_err()
    });
    drop(heads);
}

#[test]
fn a_call_that_is_taken_back_gives_its_picture_up() {
    let (server, client) = start(config(), 8);
    // Far longer than this test waits: it ends because nobody waits for it.
    server.fake.slow(600_000);
    let request = client.request(INFER);
    let body = Bytes::from(framed(&image(&grey())));
    let call = client
        .runtime
        .spawn(answered(client.calls.clone(), request, body));
    wait_until("the call is taken", || server.fake.counts().0 == 1);
    call.abort();
    wait_until("it is given up", || server.fake.given_up() == 1);
    server.fake.slow(0);
    assert_serves(&server);
}

#[test]
fn a_flood_of_calls_taken_back_is_ended() {
    let server = Server::start(config(), 8);
    let mut stream = raw(&server);
    stream.write_all(PREFACE).unwrap();
    // POST / by the static table (RFC 7541 appendix A), no body to come yet; then RST_STREAM, CANCEL.
    let mut flood = Vec::new();
    for call in (1_u32..40_000).step_by(2) {
        let id = call.to_be_bytes();
        flood.extend([&[0, 0, 3, 1, 4], &id[..], &[0x83, 0x86, 0x84]].concat());
        flood.extend([&[0, 0, 4, 3, 0], &id[..], &[0, 0, 0, 8]].concat());
    }
    // It is cut off within, or bears it all.
    let _ = stream.write_all(&flood);
    drop(stream);
    assert_serves(&server);
}

#[test]
fn headers_without_end_are_refused() {
    let server = Server::start(config(), 8);
    let client = Client::connect(server.grpc.unwrap());
    let mut request = client.request("ServerLive");
    for number in 0..20 {
        let name = format!("x-long-{number}");
        let name: axum::http::HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .insert(name, "x".repeat(4000).parse().unwrap());
    }
    let refused = client.runtime.block_on(async {
        let mut calls = client.calls.clone().ready().await.unwrap();
        let (response, _) = calls.send_request(request, true).unwrap();
        response.await
    });
    // 431, or the call reset; no answer of gRPC's.
    if let Ok(response) = refused {
        assert!(response.status().is_client_error(), "{response:?}");
    }
    assert_serves(&server);
}

#[test]
fn there_are_no_more_connections_than_places() {
    let server = Server::start(
        ServerConfig {
            max_connections: 2,
            ..config()
        },
        8,
    );
    let first = Client::connect(server.grpc.unwrap());
    assert_eq!(first.call("ServerLive", &[]).code, 0);
    let second = Client::connect(server.grpc.unwrap());
    assert_eq!(second.call("ServerLive", &[]).code, 0);
    assert_ends(raw(&server), "a third");
    // They are those of HTTP/1, too.
    server
        .get("/health/live")
        .assert_problem(503, "too-many-connections");
    drop((first, second));
    wait_until("places come free", || {
        server.get("/health/live").status == 200
    });
    assert_serves(&server);
}

#[test]
fn what_was_taken_is_answered_at_the_end_and_silent_clients_do_not_hold_it() {
    let (mut server, client) = start(config(), 8);
    let silent = raw(&server);
    server.fake.slow(300);
    let request = client.request(INFER);
    let body = Bytes::from(framed(&image(&grey())));
    let call = answered(client.calls.clone(), request, body);
    let call = client.runtime.spawn(call);
    wait_until("the call is taken", || server.fake.counts().0 == 1);
    server.signal_stop();
    let answer = client.runtime.block_on(call).unwrap();
    assert_eq!(outputs(&answer)[0].1, grey());
    drop(silent);
    server.stop().unwrap();
}
