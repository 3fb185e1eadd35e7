//! A service that is started, told, listened to and ended by tests.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{json, str, workplace};

/// Long enough for any machine; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a toy model and a configuration.
pub struct Site {
    pub dir: tempfile::TempDir,
    pub config: PathBuf,
}

impl Site {
    pub fn new() -> Self {
        let dir = workplace();
        let config = dir.path().join("service.toml");
        let site = Self { dir, config };
        site.configure("");
        site
    }

    pub fn configure(&self, more: &str) {
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[engine]\nmodels = \"models\"\nthreads = 1\n{more}"
        );
        std::fs::write(&self.config, text).unwrap();
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for name in ["RUST_LOG", "NOTIFY_SOCKET", "JOURNAL_STREAM", "LISTEN_FDS"] {
            command.env_remove(name);
        }
        command.env("NO_COLOR", "1").stderr(Stdio::piped());
        command
    }

    pub fn serve(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_espmedsam"));
        command.args(["serve", "--config", str(&self.config)]);
        command
    }
}

/// A service that runs; it ends with the test.
pub struct Service {
    pub process: Child,
    pub log: Receiver<String>,
    pub address: String,
}

impl Service {
    pub fn start(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (tell, log) = channel();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        let mut service = Self {
            process,
            log,
            address: String::new(),
        };
        let line = service.logged("listening on");
        let after = line.split("http://").nth(1).unwrap_or_default();
        service.address = after.split(' ').next().unwrap().into();
        service
    }

    /// The next line with those words.
    pub fn logged(&self, words: &str) -> String {
        let line = std::iter::from_fn(|| self.log.recv_timeout(PATIENCE).ok());
        let found = { line }.find(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("never logged: {words}"))
    }

    pub fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        let kill = Command::new("kill").args([signal, &process]).status();
        assert!(kill.unwrap().success());
    }

    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("http://{}{path}", self.address);
        let mut reply = agent.get(url).call().unwrap();
        (
            reply.status().as_u16(),
            reply.body_mut().read_to_vec().unwrap(),
        )
    }

    pub fn until_ready(&self) {
        let begun = Instant::now();
        while self.get("/health/ready").0 != 200 {
            assert!(begun.elapsed() < PATIENCE, "never ready");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The live sources by name, and how many pictures came of each.
    pub fn sources(&self) -> Vec<(String, u64)> {
        let list = json(&self.get("/v1/sources").1);
        let one = |source: &Value| {
            let captured = source["counts"]["captured"].as_u64().unwrap();
            (source["name"].as_str().unwrap().to_owned(), captured)
        };
        list["sources"]
            .as_array()
            .unwrap()
            .iter()
            .map(one)
            .collect()
    }

    /// The live sources' names.
    pub fn names(&self) -> Vec<String> {
        self.sources().into_iter().map(|(name, _)| name).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A manager's ear.
pub fn ear(folder: &Path) -> (PathBuf, UnixDatagram) {
    let path = folder.join("notify");
    let ear = UnixDatagram::bind(&path).unwrap();
    ear.set_read_timeout(Some(PATIENCE)).unwrap();
    (path, ear)
}

/// What is said, up to the first with those words.
pub fn heard(ear: &UnixDatagram, words: &str) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        let count = ear
            .recv(&mut buffer)
            .unwrap_or_else(|error| panic!("no {words}: {error}"));
        all.push(String::from_utf8(buffer[..count].to_vec()).unwrap());
        if all.last().unwrap().contains(words) {
            return all;
        }
    }
}
