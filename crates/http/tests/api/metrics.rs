//! `GET /metrics`: counts after known requests, and labels that no client can make.

use std::io::{Read, Write};
use std::sync::Arc;

use super::support::{ASK, Server, good, picture, read_reply, wait_until};
use ::live::{LiveSettings, SessionSpec};
use espmedsam_http::ServerConfig;
use picture::segmenter::{Ask, SystemClock};
use testing::exposition::Scrape;
use testing::puppet::{Act, Puppet};

fn server() -> Server {
    Server::start(ServerConfig::default(), 8)
}

#[track_caller]
fn scrape(server: &Server) -> Scrape {
    let reply = server.get("/metrics");
    assert_eq!(reply.status, 200, "{reply:?}");
    let text = String::from_utf8(reply.body).unwrap();
    Scrape::read(&text).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

/// Requests of that kind so far.
fn requests(scrape: &Scrape, labels: [&str; 4]) -> Option<f64> {
    let [route, method, status, problem] = labels;
    let labels = [
        ("route", route),
        ("method", method),
        ("status", status),
        ("problem", problem),
    ];
    scrape.value("espmedsam_http_requests_total", &labels)
}

fn results(scrape: &Scrape, modality: &str, outcome: &str) -> Option<f64> {
    let labels = [
        ("entrance", "queue"),
        ("modality", modality),
        ("outcome", outcome),
    ];
    scrape.value("espmedsam_results_total", &labels)
}

#[test]
fn it_is_text_as_prometheus_reads_it_and_says_what_it_is_for() {
    let reply = server().get("/metrics");
    let kind = reply.header("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let notice = format!("# {}\n", picture::NOTICE);
    assert!(reply.body.starts_with(notice.as_bytes()));
}

#[test]
fn requests_are_counted_by_route_method_status_and_problem() {
    let server = server();
    let (found, empty) = (good(), picture(40, 40, [0, 0, 0, 0]));
    for _ in 0..3 {
        assert_eq!(server.post(ASK, "", &found).status, 200);
    }
    assert_eq!(server.post(ASK, "", &empty).status, 200);
    let damaged = &found[..found.len() / 2];
    server
        .post(ASK, "", damaged)
        .assert_problem(422, "damaged-picture");
    let modality = "/v1/segment?modality=feet";
    server
        .post(modality, "", &found)
        .assert_problem(400, "unknown-modality");
    server
        .get("/v1/segment")
        .assert_problem(405, "method-not-allowed");
    server
        .get("/samples/none.jpg")
        .assert_problem(404, "not-found");
    assert_eq!(server.get("/samples/ISIC_0000390.jpg").status, 200);
    assert_eq!(server.get("/health/live").status, 200);

    let scrape = scrape(&server);
    for (labels, count) in [
        (["/v1/segment", "POST", "2xx", ""], 4.0),
        (["/v1/segment", "POST", "4xx", "damaged-picture"], 1.0),
        (["/v1/segment", "POST", "4xx", "unknown-modality"], 1.0),
        (["/v1/segment", "GET", "4xx", "method-not-allowed"], 1.0),
        (["/samples/{name}", "GET", "4xx", "not-found"], 1.0),
        (["/samples/{name}", "GET", "2xx", ""], 1.0),
        (["/health/live", "GET", "2xx", ""], 1.0),
    ] {
        assert_eq!(requests(&scrape, labels), Some(count), "{labels:?}");
    }
    assert_eq!(scrape.sum("espmedsam_http_requests_total", &[]), 10.0);
    let segment = [("route", "/v1/segment")];
    let count = scrape.value("espmedsam_http_request_seconds_count", &segment);
    assert_eq!(count, Some(7.0));
    // The one that asks, and no other.
    assert_eq!(
        scrape.value("espmedsam_http_requests_in_progress", &[]),
        Some(1.0)
    );

    // Of the picture with an unknown modality nothing was read but what came to be dropped.
    let known = 3 * found.len() + empty.len() + damaged.len();
    let received = scrape.value("espmedsam_http_received_bytes_total", &segment);
    let most = known + found.len();
    assert!(
        (known..=most).contains(&(received.unwrap() as usize)),
        "{received:?}"
    );
    let sample = server.get("/samples/ISIC_0000390.jpg").body.len();
    let sent = [("route", "/samples/{name}")];
    let sent = scrape
        .value("espmedsam_http_sent_bytes_total", &sent)
        .unwrap();
    assert!(
        sent > sample as f64 && sent < sample as f64 + 2000.0,
        "{sent}"
    );

    assert_eq!(results(&scrape, "ultrasound", "target"), Some(3.0));
    assert_eq!(results(&scrape, "ultrasound", "nothing-found"), Some(1.0));
    assert_eq!(results(&scrape, "ultrasound", "damaged-picture"), Some(1.0));
    assert_eq!(scrape.sum("espmedsam_results_total", &[]), 5.0);
    // The fake's encoder takes 40 ms: of each of four pictures.
    let encode = [("entrance", "queue"), ("stage", "encode")];
    assert_eq!(
        scrape.value("espmedsam_stage_seconds_sum", &encode),
        Some(0.16)
    );
    let within = |bound| {
        let labels = [("entrance", "queue"), ("stage", "encode"), ("le", bound)];
        scrape.value("espmedsam_stage_seconds_bucket", &labels)
    };
    assert_eq!((within("0.033"), within("0.045")), (Some(0.0), Some(4.0)));
}

#[test]
fn no_client_makes_a_label() {
    let server = server();
    let odd = "/v1/segment/\"}%0Aevil";
    for path in ["/none", "/none/2", odd, "/samples/", "/v1/info?route=evil"] {
        server.get(path);
    }
    for method in ["BREW", "EVIL"] {
        let host = server.addr;
        let head = format!("{method} /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        server.send(&head, b"").assert_problem(404, "not-found");
    }
    server.post("/v1/segment?modality=evil", "", &good());
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let body = b"--b\r\nContent-Disposition: form-data; name=\"modality\"\r\n\r\nevil\r\n\
        --b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nx\r\n--b--\r\n";
    server
        .post("/v1/segment", form, body)
        .assert_problem(400, "unknown-modality");
    let scrape = scrape(&server);
    assert_eq!(
        requests(&scrape, ["none", "GET", "4xx", "not-found"]),
        Some(4.0)
    );
    assert_eq!(
        requests(&scrape, ["none", "other", "4xx", "not-found"]),
        Some(2.0)
    );
    let mut labels = scrape
        .samples
        .keys()
        .flat_map(|(_, labels)| labels.values());
    let made = labels.find(|value| {
        ["evil", "EVIL", "BREW"]
            .iter()
            .any(|word| value.contains(word))
    });
    assert_eq!(made, None);
}

#[test]
fn it_is_told_to_whom_everything_else_is_and_refusals_count() {
    let server = server();
    let head = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    server.send(head, b"").assert_problem(421, "wrong-host");
    server
        .post("/metrics", "Origin: https://evil.example\r\n", b"")
        .assert_problem(403, "cross-site");
    let scrape = scrape(&server);
    let refused = ["/metrics", "GET", "4xx", "wrong-host"];
    assert_eq!(requests(&scrape, refused), Some(1.0));
    let cross = ["/metrics", "POST", "4xx", "cross-site"];
    assert_eq!(requests(&scrape, cross), Some(1.0));
}

#[test]
fn a_fault_is_counted_and_does_not_stop_the_figures() {
    let server = server();
    server.fake.break_models(true);
    server.get("/v1/models").assert_problem(500, "internal");
    server.get("/metrics").assert_problem(500, "internal");
    server.fake.break_models(false);
    let scrape = scrape(&server);
    assert_eq!(
        requests(&scrape, ["/v1/models", "GET", "5xx", "internal"]),
        Some(1.0)
    );
    assert_eq!(
        requests(&scrape, ["/metrics", "GET", "5xx", "internal"]),
        Some(1.0)
    );
}

#[test]
fn who_hangs_up_is_counted_as_gone() {
    let server = server();
    server.fake.slow(60_000);
    let body = good();
    let mut stream = server.connect();
    stream
        .write_all(server.post_head(ASK, "", body.len()).as_bytes())
        .unwrap();
    stream.write_all(&body).unwrap();
    wait_until("the job is taken", || server.fake.counts().0 == 1);
    assert_eq!(
        scrape(&server).value("espmedsam_http_requests_in_progress", &[]),
        Some(2.0)
    );
    assert_eq!(
        scrape(&server).value("espmedsam_http_pictures", &[]),
        Some(1.0)
    );
    drop(stream);
    let gone = ["/v1/segment", "POST", "gone", ""];
    wait_until("it is gone", || {
        requests(&scrape(&server), gone) == Some(1.0)
    });
    wait_until("its job is given up", || {
        results(&scrape(&server), "ultrasound", "stopped") == Some(1.0)
    });
}

#[test]
fn connections_are_counted_and_those_refused_too() {
    let config = ServerConfig {
        max_connections: 2,
        ..ServerConfig::default()
    };
    let server = Server::start(config, 8);
    // One that stays, and asks in the end: it has its place.
    let mut kept = server.connect();
    let other = server.connect();
    let mut third = server.connect();
    read_reply(&mut third).assert_problem(503, "too-many-connections");
    drop(other);
    let host = server.addr;
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    kept.write_all(head.as_bytes()).unwrap();
    let mut reply = String::new();
    kept.read_to_string(&mut reply).unwrap();
    let (_, text) = reply.split_once("\r\n\r\n").unwrap();
    let scrape = Scrape::read(text).unwrap();
    let total = |fate| scrape.value("espmedsam_http_connections_total", &[("fate", fate)]);
    assert_eq!(
        (total("accepted"), total("refused")),
        (Some(2.0), Some(1.0))
    );
    let open = scrape.value("espmedsam_http_connections", &[]).unwrap();
    assert!((1.0..=2.0).contains(&open));
    assert_eq!(
        scrape.value("espmedsam_http_connections_max", &[]),
        Some(2.0)
    );
    let budget = [("budget", "replies")];
    let most = scrape.value("espmedsam_http_budget_bytes", &budget);
    assert_eq!(most, Some(f64::from(64 << 20)));
}

#[test]
fn a_live_source_is_measured_answer_by_answer_also_while_its_picture_is_held() {
    let server = server();
    let puppet = Puppet::new(Arc::new(SystemClock));
    let spec = SessionSpec {
        opener: Arc::new(puppet.clone()),
        view: video::prepare::SourceView::default(),
        ask: Ask::new("ultrasound"),
        settings: LiveSettings::default(),
    };
    let session = server.studio.begin("probe", spec).unwrap();
    let probe = [("source", "probe")];
    let ages = |scrape: &Scrape| scrape.value("espmedsam_live_age_seconds_count", &probe);
    let published = |scrape: &Scrape| {
        let labels = [("source", "probe"), ("fate", "published")];
        scrape.value("espmedsam_live_answers_total", &labels)
    };
    // From here on it is measured.
    assert_eq!(ages(&scrape(&server)), Some(0.0));
    let mut sent = 0;
    let mut send = |count: u64| {
        for _ in 0..count {
            sent += 1;
            puppet.act(Act::Picture(32, 32, 150 + sent as u8));
            wait_until("it is answered", || session.look().counts.published == sent);
        }
    };
    send(3);
    session.freeze(true);
    send(4);
    let seen = scrape(&server);
    assert_eq!((ages(&seen), published(&seen)), (Some(7.0), Some(7.0)));
    assert_eq!(seen.value("espmedsam_live_frozen", &probe), Some(1.0));
    assert_eq!(
        seen.value("espmedsam_live_captured_total", &probe),
        Some(7.0)
    );
    assert_eq!(seen.value("espmedsam_live_viewers", &probe), Some(0.0));
    let mask = [
        ("entrance", "lane"),
        ("modality", "ultrasound"),
        ("outcome", "mask"),
    ];
    assert_eq!(seen.value("espmedsam_results_total", &mask), Some(7.0));
    // A source that has ended is no more; what became of its pictures stays in the sum of all.
    server.studio.end("probe");
    let after = scrape(&server);
    assert_eq!((ages(&after), published(&after)), (None, None));
    assert_eq!(after.value("espmedsam_results_total", &mask), Some(7.0));
}
