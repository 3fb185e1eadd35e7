//! Memory stays bounded under a flood of large uploads. Alone in its file: it reads the whole process's figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::io::Write;

use espmedsam_http::ServerConfig;
use support::{Server, picture, read_reply};

/// A field of /proc/self/status, KiB.
fn status_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_flood_of_large_uploads_costs_no_more_than_the_budget() {
    const CLIENTS: usize = 96;
    let config = ServerConfig {
        body_limit_mib: 8,
        upload_budget_mib: 16,
        ..ServerConfig::default()
    };
    let server = Server::start(config, 8);
    server.fake.slow(20);
    let good = picture(64, 64, [8, 8, 8, 8]);
    assert_eq!(
        server
            .post("/v1/segment?modality=ultrasound", "", &good)
            .status,
        200
    );
    // Not a picture, so that decoding adds nothing; random enough that no page is shared.
    let large: Vec<u8> = (0..7_u32 << 20)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let before = status_kib("VmRSS");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let client = |index: usize| {
            let (server, large, declared) = (&server, &large, index < CLIENTS / 2);
            move || {
                let mut stream = server.connect();
                let head = if declared {
                    server.post_head("/v1/segment?modality=ultrasound", "", large.len())
                } else {
                    let head = server.post_head("/v1/segment?modality=ultrasound", "", 0);
                    head.replace("Content-Length: 0", "Transfer-Encoding: chunked")
                };
                let chunk = format!("{:x}\r\n", large.len());
                let _ = stream.write_all(head.as_bytes());
                let _ = if declared {
                    Ok(())
                } else {
                    stream.write_all(chunk.as_bytes())
                };
                let _ = stream
                    .write_all(large)
                    .and_then(|()| stream.write_all(if declared { b"" } else { b"\r\n0\r\n\r\n" }));
                read_reply(&mut stream).status
            }
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| scope.spawn(client(index)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    let grown = status_kib("VmHWM").saturating_sub(before) / 1024;
    // Twice the budget (a growing buffer), and 64 MiB for 96 threads, sockets and the allocator's own habits. All
    // uploads at once would be 672 MiB.
    assert!(
        grown < 2 * 16 + 64,
        "{CLIENTS} uploads of 7 MiB made the process grow by {grown} MiB"
    );
    assert!(
        statuses.iter().all(|status| matches!(status, 415 | 503)),
        "{statuses:?}"
    );
    assert!(
        statuses.contains(&415),
        "some uploads were taken whole: {statuses:?}"
    );
    assert_eq!(
        server
            .post("/v1/segment?modality=ultrasound", "", &good)
            .status,
        200
    );
}
