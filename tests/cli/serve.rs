//! The service: from its start to its end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{NOTICE, espmedsam, json, str, text, workplace};

/// A service, the address it listens at, and what it logs from there on.
fn listening(
    models: &Path,
    more: &str,
) -> (std::process::Child, String, impl Iterator<Item = String>) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("service.toml");
    let models = str(models);
    let text =
        format!("[server]\nlisten = \"127.0.0.1:0\"\n[engine]\nmodels = \"{models}\"\n{more}");
    std::fs::write(&config, text).unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_espmedsam"))
        .args(["serve", "--config", str(&config)])
        .env("NO_COLOR", "1")
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(service.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let address = log
        .find_map(|line| Some(line.split_once("http://")?.1.split(' ').next()?.to_string()))
        .unwrap();
    (service, address, log)
}

/// Sends the signal and waits; returns the exit code and how long it took.
fn ended_by(signal: &str, mut service: std::process::Child) -> (Option<i32>, Duration) {
    let started = Instant::now();
    let process = service.id().to_string();
    let kill = Command::new("kill").args([signal, &process]).status();
    assert!(kill.unwrap().success());
    while started.elapsed() < Duration::from_secs(20) {
        if let Some(status) = service.try_wait().unwrap() {
            return (status.code(), started.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    service.kill().unwrap();
    panic!("it did not end within 20 s of {signal}");
}

#[test]
fn serve_becomes_ready_answers_and_ends_in_order() {
    let dir = workplace();
    let config = dir.path().join("service.toml");
    std::fs::write(
        &config,
        "[server]\nlisten = \"127.0.0.1:0\"\n[engine]\nmodels = \"models\"\nthreads = 1\n",
    )
    .unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_espmedsam"))
        .args(["serve", "--config", str(&config)])
        .env("NO_COLOR", "1")
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(service.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let address = log
        .find_map(|line| Some(line.split_once("http://")?.1.split(' ').next()?.to_string()))
        .unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let get = |path: &str| {
        agent
            .get(format!("http://{address}{path}"))
            .call()
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(get("/health/live"), 200);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while get("/health/ready") != 200 {
        assert!(std::time::Instant::now() < deadline, "never ready");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let picture = std::fs::read(dir.path().join("in/left.png")).unwrap();
    let mut reply = agent
        .post(format!(
            "http://{address}/v1/segment?modality=bright&format=json"
        ))
        .content_type("image/png")
        .send(&picture[..])
        .unwrap();
    let reply = json(&reply.body_mut().read_to_vec().unwrap());
    assert_eq!(reply["notice"], NOTICE);
    assert_eq!(reply["modality"]["name"], "bright");

    assert!(
        Command::new("kill")
            .arg(service.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert!(log.any(|line| line.contains("stopping")) && log.any(|line| line.contains("stopped")));
    assert_eq!(service.wait().unwrap().code(), Some(0));
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let dir = workplace();
    let config = dir.path().join("service.toml");
    std::fs::write(&config, "[engine]\nthread = 1\n").unwrap();
    let output = espmedsam(&["serve", "--config", str(&config)]);
    assert_eq!(output.status.code(), Some(78));
    assert!(
        text(&output.stderr).contains("thread"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_stop_ends_the_service_at_any_moment() {
    // Six modalities to load, one after the other.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let preload = "preload = [\"ultrasound\", \"colonoscopy\", \"dermoscopy\", \"x-ray\", \"microscopy\", \"fundus\"]\n";
    for delay in [0, 30, 100, 300, 1000] {
        let (service, _, log) = listening(&shipped, preload);
        std::thread::sleep(Duration::from_millis(delay));
        let (code, took) = ended_by("-TERM", service);
        assert!(took < Duration::from_secs(5), "{delay} ms: {took:?}");
        assert_eq!(code, Some(0), "{delay} ms: {:?}", log.collect::<Vec<_>>());
    }
}

#[test]
fn without_a_file_a_hang_up_is_a_stop() {
    let dir = workplace();
    let models = dir.path().join("models");
    let mut service = Command::new(env!("CARGO_BIN_EXE_espmedsam"))
        .args(["serve", "--listen", "127.0.0.1:0", "--models", str(&models)])
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(service.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("listening")));
    assert_eq!(ended_by("-HUP", service).0, Some(0));
    assert!(log.any(|line| line.unwrap().contains("stopped")));
}

#[test]
fn a_pipe_for_weights_hangs_nothing() {
    let dir = workplace();
    let models = dir.path().join("models");
    std::fs::remove_file(models.join("base.bin")).unwrap();
    let made = Command::new("mkfifo").arg(models.join("base.bin")).status();
    assert!(made.unwrap().success());
    let (service, address, _log) = listening(&models, "");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let deadline = Instant::now() + Duration::from_secs(60);
    let reason = loop {
        let mut reply = agent
            .get(format!("http://{address}/health/ready"))
            .call()
            .unwrap();
        let problem = json(&reply.body_mut().read_to_vec().unwrap());
        if problem["type"] != "/problems/not-ready" {
            break problem;
        }
        assert!(Instant::now() < deadline, "loading hangs");
    };
    assert_eq!(reason["type"], "/problems/model-unusable");
    let detail = reason["detail"].as_str().unwrap();
    assert!(detail.contains("base.bin: not a regular file"), "{detail}");
    let (code, took) = ended_by("-TERM", service);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_dicom_network_begins_and_ends_with_the_service() {
    let dir = workplace();
    let dicom = format!(
        "[dicom]\nenabled = true\nlisten = \"127.0.0.1:0\"\nfolder = \"{}\"\n\
         callers = [{{ title = \"US1\", address = \"127.0.0.1\" }}]\n\
         [[dicom.destinations]]\nname = \"web\"\nto = {{ kind = \"web\", root = \"http://127.0.0.1:9\" }}\n",
        str(&dir.path().join("dicom"))
    );
    let models = dir.path().join("models");
    let (service, address, mut log) = listening(&models, &dicom);
    let said = log.find(|line| line.contains("ESPMEDSAM takes pictures at 127.0.0.1:"));
    assert!(said.unwrap().contains(NOTICE));
    let metrics = ureq::get(format!("http://{address}/metrics"));
    let metrics = metrics.call().unwrap().body_mut().read_to_string().unwrap();
    assert!(metrics.contains("espmedsam_dicom_up 1"), "{metrics}");
    // A folder is one service's.
    let config = dir.path().join("other.toml");
    let other = format!("[server]\nlisten = \"127.0.0.1:0\"\n{dicom}");
    std::fs::write(&config, other).unwrap();
    let second = espmedsam(&["serve", "--config", str(&config), "--models", str(&models)]);
    assert_eq!(second.status.code(), Some(1));
    let second = text(&second.stderr);
    assert!(
        second.contains("dicom.folder") && second.contains("in use by another process"),
        "{second}"
    );
    let (code, took) = ended_by("-TERM", service);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}
