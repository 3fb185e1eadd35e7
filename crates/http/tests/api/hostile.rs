//! Clients that trickle, hang up, flood or never read; and a stop in the middle of work.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::support::{ASK, Server, good, read_reply, wait_until};
use espmedsam_http::ServerConfig;

#[test]
fn sixty_four_clients_on_a_queue_of_eight() {
    let server = Server::start(ServerConfig::default(), 8);
    server.fake.slow(40);
    let (png, start) = (good(), Barrier::new(64));
    let replies: Vec<_> = std::thread::scope(|scope| {
        let client = || {
            start.wait();
            server.post(ASK, "", &png)
        };
        let clients: Vec<_> = (0..64).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    let served = replies.iter().filter(|reply| reply.status == 200).count();
    for reply in &replies {
        if reply.status == 200 {
            assert_eq!(reply.json()["area"]["px"], 81);
        } else {
            reply.assert_problem(503, "queue-full");
            assert_eq!(reply.header("retry-after"), Some("1"));
        }
    }
    let (accepted, done) = server.fake.counts();
    assert_eq!(
        (accepted, done),
        (served, served),
        "every accepted job is answered to its client"
    );
    assert!(
        (8..64).contains(&served),
        "the queue was used, and was full: {served}"
    );
    server.assert_serves();
}

#[test]
fn a_full_engine_refuses_before_the_upload() {
    let server = Server::start(ServerConfig::default(), 1);
    server.fake.slow(1500);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| server.post(ASK, "", &good()));
        wait_until("the first job is taken", || {
            // In this order: before it is accepted nothing waits either.
            server.fake.counts().0 == 1 && server.get("/v1/info").json()["queue"]["waiting"] == 0
        });
        let second = scope.spawn(|| server.post(ASK, "", &good()));
        wait_until("the second waits", || {
            server.get("/v1/info").json()["queue"]["waiting"] == 1
        });
        // A third gets its answer although its body never comes.
        let mut third = server.connect();
        third
            .write_all(server.post_head(ASK, "", 1000).as_bytes())
            .unwrap();
        read_reply(&mut third).assert_problem(503, "queue-full");
        assert_eq!(
            server.get("/health/live").status,
            200,
            "health is answered while all places are taken"
        );
        assert_eq!(first.join().unwrap().status, 200);
        assert_eq!(second.join().unwrap().status, 200);
    });
}

#[test]
fn a_client_that_trickles_its_body_is_cut_off() {
    let server = Server::start(
        ServerConfig {
            body_timeout_s: 1,
            ..ServerConfig::default()
        },
        8,
    );
    let mut stream = server.connect();
    stream
        .write_all(server.post_head(ASK, "", 1000).as_bytes())
        .unwrap();
    let mut reader = stream.try_clone().unwrap();
    let trickle = std::thread::spawn(move || {
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50))
        }
    });
    read_reply(&mut reader).assert_problem(408, "body-timeout");
    server.assert_serves();
    let _ = reader.shutdown(Shutdown::Both);
    trickle.join().unwrap();
}

#[test]
fn hang_ups_harm_nobody() {
    let server = Server::start(
        ServerConfig {
            max_in_flight: 4,
            ..ServerConfig::default()
        },
        8,
    );
    for _ in 0..20 {
        // In the middle of the body.
        let mut stream = server.connect();
        stream
            .write_all(server.post_head(ASK, "", 100_000).as_bytes())
            .unwrap();
        stream.write_all(&[7; 5000]).unwrap();
    }
    server.fake.slow(100);
    for _ in 0..6 {
        // While the engine works.
        let mut stream = server.connect();
        stream
            .write_all(server.post_head(ASK, "", good().len()).as_bytes())
            .unwrap();
        stream.write_all(&good()).unwrap();
        let before = server.fake.counts().0;
        wait_until("the job is accepted or refused", || {
            server.fake.counts().0 > before || stream.peek(&mut [0]).is_ok()
        });
    }
    wait_until("the engine is done", || {
        server.fake.counts().0 == server.fake.counts().1
    });
    server.fake.slow(0);
    server.assert_serves();
    // Four clients in turn for four places: none has leaked.
    for _ in 0..4 {
        server.assert_serves();
    }
}

/// A picture of noise, whose overlay is larger than the sockets' buffers; dark, so that no contours are drawn over it.
fn noise(side: u32) -> Vec<u8> {
    let mut seed = 1_u32;
    super::support::png(&image::GrayImage::from_fn(side, side, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Luma([(seed >> 25) as u8])
    }))
}

/// A client that asks for an overlay and does not read it.
fn deaf(server: &Server, picture: &[u8]) -> TcpStream {
    let overlay = format!("{ASK}&format=overlay");
    let mut stream = server.connect();
    let head = server.post_head(&overlay, "", picture.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(picture).unwrap();
    stream
}

#[test]
fn clients_that_do_not_read_keep_nobody_waiting() {
    const DEAF: usize = 20;
    // A place, and room for one or two of their replies.
    let config = ServerConfig {
        max_in_flight: 2,
        reply_budget_mib: 20,
        ..ServerConfig::default()
    };
    let server = Server::start(config, 8);
    let noise = noise(2200);
    let whole = server.post(&format!("{ASK}&format=overlay"), "", &noise);
    assert_eq!(whole.status, 200);
    assert!(whole.body.len() > 8 << 20, "{} bytes", whole.body.len());
    let mut all = Vec::new();
    for number in 0..DEAF {
        let before = server.fake.counts().1;
        all.push(deaf(&server, &noise));
        wait_until("the next one is worked on", || {
            server.fake.counts().1 > before
        });
        // Its reply is being rendered, or lies there unread: others are served, at most as late as rendering is.
        let started = Instant::now();
        wait_until("others are served", || {
            server.post(ASK, "", &good()).status == 200
        });
        let took = started.elapsed();
        assert!(took < Duration::from_secs(5), "{number}: {took:?}");
    }
    // With the last replies rendered, at once.
    std::thread::sleep(Duration::from_secs(2));
    let started = Instant::now();
    server.assert_serves();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    // One that reads gets all of its large reply, in place of one of theirs.
    let again = server.post(&format!("{ASK}&format=overlay"), "", &noise);
    assert!(again.body == whole.body);
    // The first were cut off to make room.
    let cut = read_reply(&mut all[0]);
    assert!(cut.body.len() < whole.body.len(), "{}", cut.body.len());
}

#[test]
fn clients_that_take_nothing_are_cut_off_in_time() {
    let config = ServerConfig {
        reply_timeout_s: 2,
        ..ServerConfig::default()
    };
    let server = Server::start(config, 8);
    let noise = noise(3000);
    let mut client = deaf(&server, &noise);
    wait_until("it is worked on", || server.fake.counts().1 == 1);
    std::thread::sleep(Duration::from_secs(6));
    let cut = read_reply(&mut client);
    let length: usize = cut.header("content-length").unwrap().parse().unwrap();
    assert!(cut.status == 200 && cut.body.len() < length);
}

#[test]
fn a_job_that_nobody_waits_for_is_given_up() {
    let server = Server::start(ServerConfig::default(), 8);
    server.fake.slow(60_000);
    let picture = good();
    let mut client = server.connect();
    let head = server.post_head(ASK, "", picture.len());
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&picture).unwrap();
    wait_until("it is accepted", || server.fake.counts().0 == 1);
    drop(client);
    wait_until("it is given up", || server.fake.given_up() == 1);
    server.fake.slow(0);
    server.assert_serves();
}

#[test]
fn a_stop_ends_in_time_and_answers_who_still_waits() {
    let config = ServerConfig {
        shutdown_timeout_s: 2,
        ..ServerConfig::default()
    };
    let mut server = Server::start(config, 8);
    server.fake.slow(60_000);
    let picture = good();
    let mut client = server.connect();
    let head = server.post_head(ASK, "", picture.len());
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&picture).unwrap();
    // These two never end their request.
    let mut halfway = server.connect();
    halfway.write_all(b"POST /v1/seg").unwrap();
    let mut trickle = server.connect();
    let head = server.post_head(ASK, "", 1000);
    trickle.write_all(head.as_bytes()).unwrap();
    wait_until("it is accepted", || server.fake.counts().0 == 1);
    let started = Instant::now();
    server.signal_stop();
    read_reply(&mut client).assert_problem(503, "stopped");
    wait_until("the job is given up", || server.fake.given_up() == 1);
    server.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn uploads_beyond_the_common_budget_are_refused_at_once() {
    let config = ServerConfig {
        body_limit_mib: 1,
        upload_budget_mib: 1,
        ..ServerConfig::default()
    };
    let server = Server::start(config, 8);
    let mut first = server.connect();
    first
        .write_all(server.post_head(ASK, "", 1 << 20).as_bytes())
        .unwrap();
    first.write_all(&vec![7; 900_000]).unwrap();
    let used = || {
        server.get("/v1/info").json()["uploads"]["used_bytes"]
            .as_u64()
            .unwrap()
    };
    wait_until("the first upload has arrived", || used() >= 900_000);
    let large = vec![7; 300_000];
    let refused = server.post(ASK, "", &large);
    refused.assert_problem(503, "upload-budget");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(first);
    wait_until("the budget comes free", || used() == 0);
    server
        .post(ASK, "", &large)
        .assert_problem(415, "not-a-picture");
    server.assert_serves();
}

#[test]
fn a_result_that_takes_too_long_is_given_up() {
    let server = Server::start(
        ServerConfig {
            request_timeout_s: 1,
            ..ServerConfig::default()
        },
        8,
    );
    server.fake.slow(2500);
    server
        .post(ASK, "", &good())
        .assert_problem(503, "timed-out");
    server.fake.slow(0);
    wait_until("the engine goes on", || server.fake.counts().1 == 1);
    server.assert_serves();
}

#[test]
fn a_stop_answers_what_was_accepted() {
    let mut server = Server::start(ServerConfig::default(), 8);
    server.fake.slow(300);
    let (png, addr) = (good(), server.addr);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = server.connect();
            stream
                .write_all(server.post_head(ASK, "", png.len()).as_bytes())
                .unwrap();
            stream.write_all(&png).unwrap();
            stream
        })
        .collect();
    wait_until("all are accepted", || server.fake.counts().0 == 4);
    server.signal_stop();
    for mut client in clients {
        assert_eq!(read_reply(&mut client).status, 200);
    }
    server.stop().unwrap();
    assert!(
        std::net::TcpStream::connect(addr).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn a_configuration_that_cannot_work_is_an_error() {
    let server = Server::start(
        ServerConfig {
            max_in_flight: 0,
            ..ServerConfig::default()
        },
        8,
    );
    assert_eq!(
        server.stop().unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
}
