//! How long connections may be idle, how many there may be, and how much their headers.

use std::io::{Read, Write};
use std::time::Duration;

use super::support::{Server, read_reply, wait_until};
use espmedsam_http::ServerConfig;

#[test]
fn slow_headers_and_idle_connections_are_closed() {
    let server = Server::start(
        ServerConfig {
            header_timeout_s: 1,
            idle_timeout_s: 1,
            ..ServerConfig::default()
        },
        8,
    );
    let mut silent = server.connect();
    let mut halfway = server.connect();
    halfway
        .write_all(b"POST /v1/segment HTTP/1.1\r\nHost: local")
        .unwrap();
    let mut idle = server.connect();
    idle.write_all(
        format!("GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr).as_bytes(),
    )
    .unwrap();
    for (stream, what) in [
        (&mut silent, "silent"),
        (&mut halfway, "halfway"),
        (&mut idle, "idle"),
    ] {
        let mut rest = Vec::new();
        // The read time-out of the client is 30 s: an end, not a time-out, is what is expected.
        let end = stream.read_to_end(&mut rest);
        assert!(
            end.is_ok() || end.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset,
            "{what}"
        );
    }
    server.assert_serves();
}

#[test]
fn headers_without_end_are_refused() {
    let server = Server::start(ServerConfig::default(), 8);
    let mut stream = server.connect();
    let _ = stream.write_all(
        format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nX-Long: {}",
            server.addr,
            "x".repeat(1 << 20)
        )
        .as_bytes(),
    );
    let reply = read_reply(&mut stream);
    assert!(matches!(reply.status, 0 | 431), "{reply:?}");
    server.assert_serves();
}

#[test]
fn connections_beyond_the_limit_are_told_so() {
    let server = Server::start(
        ServerConfig {
            max_connections: 2,
            ..ServerConfig::default()
        },
        8,
    );
    let (first, second) = (server.connect(), server.connect());
    let mut third = server.connect();
    read_reply(&mut third).assert_problem(503, "too-many-connections");
    drop((first, second));
    wait_until("connections come free", || {
        server.get("/health/live").status == 200
    });
}

#[test]
fn one_connection_serves_many_requests() {
    let server = Server::start(ServerConfig::default(), 8);
    let mut stream = server.connect();
    for _ in 0..5 {
        stream
            .write_all(
                format!("GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr).as_bytes(),
            )
            .unwrap();
        let mut reply = vec![0; 4096];
        let count = stream.read(&mut reply).unwrap();
        assert!(reply[..count].starts_with(b"HTTP/1.1 200 OK"));
    }
}

#[test]
fn a_kept_connection_may_be_idle_for_longer_than_headers_may_take() {
    let server = Server::start(
        ServerConfig {
            header_timeout_s: 1,
            idle_timeout_s: 20,
            ..ServerConfig::default()
        },
        8,
    );
    let mut stream = server.connect();
    let request = format!("GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr);
    for pause in [0, 2500, 2500] {
        std::thread::sleep(Duration::from_millis(pause));
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = vec![0; 4096];
        let count = stream.read(&mut reply).unwrap();
        assert!(reply[..count].starts_with(b"HTTP/1.1 200 OK"), "{pause}");
    }
}
