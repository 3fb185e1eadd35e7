//! The service under a manager: what it says, what it is handed, and its configuration read anew.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::stage::{PATIENCE, Service, Site, ear, heard};
use super::{NOTICE, str, text};

#[test]
fn a_manager_hears_of_readiness_of_life_of_reloads_and_of_the_end() {
    let site = Site::new();
    let (path, ear) = ear(site.dir.path());
    let mut command = site.serve();
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let mut service = Service::start(command);
    let first = heard(&ear, "READY=1");
    assert!(
        first.iter().all(|said| !said.contains("WATCHDOG=1")),
        "{first:?}"
    );
    assert_eq!(service.get("/health/ready").0, 200);
    heard(&ear, "WATCHDOG=1");
    heard(&ear, "WATCHDOG=1");
    service.signal("-HUP");
    heard(&ear, "RELOADING=1\nMONOTONIC_USEC=");
    heard(&ear, "READY=1\nSTATUS=serving");
    heard(&ear, "WATCHDOG=1");
    service.signal("-TERM");
    heard(&ear, "STOPPING=1");
    assert_eq!(service.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_model_that_cannot_be_used_is_never_ready_and_says_why() {
    let site = Site::new();
    std::fs::write(site.dir.path().join("models/base.bin"), "cut off").unwrap();
    let (path, ear) = ear(site.dir.path());
    let mut command = site.serve();
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000");
    let service = Service::start(command);
    let said = heard(&ear, "STATUS=the model cannot be used: ");
    assert!(said.last().unwrap().contains("base.bin"), "{said:?}");
    assert_eq!(service.get("/health/ready").0, 503);
    service.signal("-TERM");
    let rest = heard(&ear, "STOPPING=1");
    let alive = |said: &&String| said.contains("READY=1") || said.contains("WATCHDOG=1");
    assert_eq!(rest.iter().find(alive), None);
}

#[test]
fn a_socket_that_is_handed_over_outweighs_the_address() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Whoever connects before the service runs waits in the socket.
    let mut early = TcpStream::connect(address).unwrap();
    let mut command = site.command("sh");
    let script = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --config \"$1\" 3<&0 0</dev/null";
    command.args([
        "-c",
        script,
        env!("CARGO_BIN_EXE_espmedsam"),
        str(&site.config),
    ]);
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    let service = Service::start(command);
    assert_eq!(service.address, address.to_string());
    let request =
        format!("GET /health/live HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    early.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    early.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[test]
fn sockets_that_cannot_be_served_are_refused() {
    let site = Site::new();
    for (fds, open, expected) in [
        ("1", "3</dev/null", "neither of TCP nor a Unix stream's"),
        ("2", "3</dev/null 4</dev/null", "2 were handed over"),
    ] {
        let script =
            format!("LISTEN_FDS={fds} LISTEN_PID=$$ exec \"$0\" serve --config \"$1\" {open}");
        let mut command = site.command("sh");
        command.args([
            "-c",
            &script,
            env!("CARGO_BIN_EXE_espmedsam"),
            str(&site.config),
        ]);
        let output = command.output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    // Meant for another process.
    let script = "LISTEN_FDS=1 LISTEN_PID=1 exec \"$0\" serve --config \"$1\" 3</dev/null";
    let mut command = site.command("sh");
    command.args([
        "-c",
        script,
        env!("CARGO_BIN_EXE_espmedsam"),
        str(&site.config),
    ]);
    assert_eq!(Service::start(command).get("/health/live").0, 200);
}

fn phantom(name: &str, target: &str) -> String {
    format!(
        "[[live.sources]]\nname = \"{name}\"\nmodality = \"bright\"\nsource = {{ kind = \"phantom\", target = \"{target}\" }}\n"
    )
}

/// What has systemd start it.
const UNIT: &str = include_str!("../../board/package/files/espmedsam.service");

/// Sources that can never be, and what is said of each.
fn wrong_sources() -> [(&'static str, &'static str); 8] {
    [
        ("kind = \"v4l3\", device = \"/dev/video0\"", "v4l3"),
        ("kind = \"v4l2\", device = \"/dev/null\"", "is no camera"),
        (
            "kind = \"v4l2\", device = \"/dev/video0\", colour = \"blue\"",
            "colour",
        ),
        (
            "kind = \"v4l2\", device = \"/dev/video0\", size = [640, 0]",
            "640 x 0",
        ),
        (
            "kind = \"v4l2\", device = \"/dev/video0\", size = [640]",
            "length 1",
        ),
        (
            "kind = \"replay\", path = \"/nowhere/at/all.avi\"",
            "no such file",
        ),
        ("kind = \"pipe\", path = \"/dev/null\"", "not a FIFO"),
        ("kind = \"phantom\", target = \"unicorn\"", "unicorn"),
    ]
}

fn source(described: &str) -> String {
    format!(
        "[[live.sources]]\nname = \"probe\"\nmodality = \"bright\"\nsource = {{ {described} }}\n"
    )
}

#[test]
fn a_source_that_can_never_be_ends_the_service_before_there_is_a_model() {
    let site = Site::new();
    // Found out before the models are even looked for.
    std::fs::remove_dir_all(site.dir.path().join("models")).unwrap();
    let (path, ear) = ear(site.dir.path());
    let view = source("kind = \"phantom\", target = \"polyp\"")
        + "view = { region = { x = 0, y = 0, width = 0, height = 9 } }\n";
    let wrong = wrong_sources().map(|(described, said)| (source(described), said));
    for (text, expected) in wrong.into_iter().chain([(view, "view.region")]) {
        site.configure(&text);
        let mut command = site.serve();
        let output = command.env("NOTIFY_SOCKET", &path).output().unwrap();
        let said = super::text(&output.stderr);
        let code = output.status.code().unwrap();
        assert_eq!(code, 78, "{said}");
        assert!(UNIT.contains(&format!("\nRestartPreventExitStatus={code}\n")));
        assert!(said.contains(expected), "{said}");
        heard(&ear, "STATUS=the configuration cannot be used: ");
    }
}

#[test]
fn a_camera_that_is_not_there_is_waited_for() {
    let site = Site::new();
    site.configure(&source("kind = \"v4l2\", device = \"/dev/video4242\""));
    let service = Service::start(site.serve());
    service.until_ready();
    let begun = Instant::now();
    loop {
        let (status, body) = service.get("/v1/live/latest.json?source=probe");
        let seen = super::json(&body);
        assert_eq!(status, 200, "{seen}");
        if seen["state"] == "no-signal" {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{seen}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn who_waits_at_the_socket_of_a_wrong_configuration_is_told_so() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handed = || {
        let mut command = site.command("sh");
        let script =
            "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --config \"$1\" 3<&0 0</dev/null";
        let program = env!("CARGO_BIN_EXE_espmedsam");
        command.args(["-c", script, program, str(&site.config)]);
        command.stdin(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())));
        command
    };
    let ask = || {
        let mut client = TcpStream::connect(address).unwrap();
        let request =
            format!("GET /health/live HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        client
    };
    let answer = |mut client: TcpStream| {
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        reply
    };
    site.configure(&source(wrong_sources()[1].0));
    let waiting = [ask(), ask()];
    let output = handed().output().unwrap();
    assert_eq!(output.status.code(), Some(78), "{}", text(&output.stderr));
    for client in waiting {
        let reply = answer(client);
        assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
        assert!(reply.ends_with(&format!("{NOTICE}\n")), "{reply}");
    }
    // Nobody waits any more. Corrected, it serves who comes next.
    site.configure("");
    let next = ask();
    let _service = Service::start(handed());
    assert!(answer(next).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_reload_begins_and_ends_sources_and_leaves_the_others_alone() {
    let site = Site::new();
    site.configure(
        &(phantom("stays", "polyp") + &phantom("goes", "polyp") + &phantom("turns", "polyp")),
    );
    let service = Service::start(site.serve());
    service.until_ready();
    let begun = Instant::now();
    let of = |name: &str| {
        let sources = service.sources();
        sources
            .into_iter()
            .find(|source| source.0 == name)
            .map(|source| source.1)
    };
    while ["stays", "turns"].iter().any(|name| of(name).unwrap() < 20) {
        assert!(begun.elapsed() < PATIENCE, "no pictures come");
        std::thread::sleep(Duration::from_millis(10));
    }
    let (stays, turns) = (of("stays").unwrap(), of("turns").unwrap());
    let sources =
        phantom("stays", "polyp") + &phantom("turns", "lesion") + &phantom("comes", "polyp");
    site.configure(&format!("queue = 3\n{sources}"));
    service.signal("-HUP");
    let line = service.logged("read anew");
    assert!(
        line.contains("begun: turns, comes; ended: goes, turns; needs a restart: engine.queue"),
        "{line}"
    );
    assert_eq!(service.names(), ["comes", "stays", "turns"]);
    assert!(of("stays").unwrap() >= stays, "it was begun anew");
    assert!(of("turns").unwrap() < turns, "it was not begun anew");

    // Broken anywhere, it changes nothing.
    for (broken, expected) in [
        ("thread = 1\n".to_owned(), "thread"),
        (
            phantom("comes", "polyp") + &phantom("odd", "unicorn"),
            "unicorn",
        ),
        (phantom("a b", "polyp"), "letters"),
        (
            phantom("twice", "polyp") + &phantom("twice", "lesion"),
            "'twice'",
        ),
        ("[log]\nlevel = \"loud=very\"\n".to_owned(), "log.level"),
    ] {
        site.configure(&broken);
        service.signal("-HUP");
        let line = service.logged("stays as it was");
        let more =
            || std::iter::from_fn(|| service.log.recv_timeout(Duration::from_millis(200)).ok());
        assert!(
            line.contains(expected) || more().any(|line| line.contains(expected)),
            "{line}"
        );
        assert_eq!(service.names(), ["comes", "stays", "turns"], "{broken}");
    }
}

#[test]
fn a_reload_begins_what_is_described_and_not_watched() {
    let site = Site::new();
    let described = phantom("stays", "polyp") + &phantom("goes", "polyp");
    site.configure(&(described + "[live.clients]\nsources = true\n"));
    let service = Service::start(site.serve());
    service.until_ready();
    let names = || -> Vec<String> { service.sources().into_iter().map(|s| s.0).collect() };
    let goes = format!("http://{}/v1/sources/goes", service.address);
    ureq::delete(goes).call().unwrap();
    assert_eq!(names(), ["stays"]);
    service.signal("-HUP");
    let line = service.logged("read anew");
    assert!(line.contains("begun: goes; ended: none"), "{line}");
    assert_eq!(names(), ["goes", "stays"]);
}

#[test]
fn the_journal_gets_priorities_and_nobody_s_name() {
    let site = Site::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let stream = std::fs::metadata("/proc/self/fd/".to_owned() + &fd(&writer)).unwrap();
    let mut command = site.serve();
    command.env(
        "JOURNAL_STREAM",
        format!("{}:{}", stream.dev(), stream.ino()),
    );
    command.stderr(Stdio::from(OwnedFd::from(writer)));
    let process = command.spawn().unwrap();
    drop(command);
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("listening on")).unwrap();
    assert!(
        line.starts_with("<6>espmedsam::cli::serve: listening on http://"),
        "{line}"
    );
    let address = line
        .split("http://")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    let (_tell, log) = channel();
    let service = Service {
        process,
        log,
        address,
    };
    service.until_ready();
    let picture = std::fs::read(site.dir.path().join("in/left.png")).unwrap();
    let mut body =
        b"--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"DOE^JANE.png\"\r\n\r\n"
            .to_vec();
    body.extend_from_slice(&picture);
    body.extend_from_slice(b"\r\n--x--\r\n");
    for (kind, body) in [
        ("multipart/form-data; boundary=x", &body[..]),
        ("image/png", &picture[..9]),
        ("image/png", b"DOE^JANE"),
    ] {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!(
            "http://{}/v1/segment?modality=bright&patient=DOE%5EJANE",
            service.address
        );
        agent.post(url).content_type(kind).send(body).unwrap();
    }
    service.signal("-TERM");
    let rest: Vec<String> = lines.collect();
    assert!(
        rest.iter().any(|line| line.ends_with("stopped")),
        "{rest:?}"
    );
    for line in &rest {
        assert!(
            line.starts_with("<6>") || line.starts_with("<4>") || line.starts_with("<3>"),
            "{line}"
        );
        assert!(!line.contains("DOE") && !line.contains("JANE"), "{line}");
    }
}

fn fd(file: &impl std::os::fd::AsRawFd) -> String {
    file.as_raw_fd().to_string()
}
