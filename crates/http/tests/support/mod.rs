//! What the HTTP tests share: a fake engine, a server on a free port, a client that can misbehave.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

pub mod webdriver;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::{AuditLog, Gate, TlsIdentity};
use espmedsam_http::{Doors, FarDoor, ServedParts, ServerConfig, serve};
use live::Studio;
use picture::segmenter::SystemClock;
use serde_json::Value;
use testing::fake::Fake;
use testing::puppet::Puppet;

/// A request that is served.
pub const ASK: &str = "/v1/segment?modality=ultrasound";

/// A picture on which something is found.
pub fn good() -> Vec<u8> {
    picture(40, 40, [5, 5, 9, 9])
}

/// Waits until the condition holds; fails after half a minute.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server in this process, on a port the system chose.
pub struct Server {
    pub addr: SocketAddr,
    /// Where gRPC is spoken, if the configuration asked for it.
    pub grpc: Option<SocketAddr>,
    pub fake: Arc<Fake>,
    pub studio: Arc<Studio>,
    /// Every live source that is described by a client.
    pub puppet: Puppet,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

/// What a server has for other machines.
pub struct ForOthers {
    pub listener: std::net::TcpListener,
    pub identity: TlsIdentity,
    pub gate: Arc<Gate>,
    pub audit: Arc<AuditLog>,
}

impl Server {
    pub fn start(config: ServerConfig, queue: usize) -> Self {
        Self::start_for(config, queue, None)
    }

    pub fn start_for(config: ServerConfig, queue: usize, others: Option<ForOthers>) -> Self {
        let fake = Fake::new(queue);
        let clock = Arc::new(SystemClock);
        let puppet = Puppet::new(clock.clone());
        let studio = Studio::new(fake.clone(), clock, Arc::new(puppet.clone()));
        let served = studio.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let grpc = match config.grpc {
                    Some(any) => Some(tokio::net::TcpListener::bind(any).await.unwrap()),
                    None => None,
                };
                let port = grpc.as_ref().map(|grpc| grpc.local_addr().unwrap());
                tell.send((listener.local_addr().unwrap(), port)).unwrap();
                let mut doors = Doors::from(listener);
                doors.grpc = grpc;
                let mut parts = ServedParts::from(served);
                if let Some(others) = others {
                    others.listener.set_nonblocking(true).unwrap();
                    doors.far = Some(FarDoor {
                        listener: tokio::net::TcpListener::from_std(others.listener).unwrap(),
                        tls: others.identity.server().unwrap().into(),
                    });
                    (parts.gate, parts.audit) = (Some(others.gate), Some(others.audit));
                }
                serve(doors, config, parts, async { drop(stopped.await) }).await
            })
        });
        let (addr, grpc) = told.recv().unwrap();
        Self {
            addr,
            grpc,
            fake,
            studio,
            puppet,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Asserts that it serves.
    #[track_caller]
    pub fn assert_serves(&self) {
        assert_eq!(self.post(ASK, "", &good()).status, 200);
    }

    /// Tells the server to stop, without waiting.
    pub fn signal_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Stops the server and returns what `serve` returned.
    pub fn stop(mut self) -> std::io::Result<()> {
        self.signal_stop();
        self.thread.take().unwrap().join().unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }

    /// Sends one request and reads the whole reply.
    pub fn send(&self, head: &str, body: &[u8]) -> Reply {
        let mut stream = self.connect();
        // A refusal may come while we still write: what was said is what counts.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        read_reply(&mut stream)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(
            &format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                self.addr
            ),
            b"",
        )
    }

    /// POSTs a body with further header lines (each ending in `\r\n`).
    pub fn post(&self, path: &str, headers: &str, body: &[u8]) -> Reply {
        self.send(&self.post_head(path, headers, body.len()), body)
    }

    pub fn post_head(&self, path: &str, headers: &str, length: usize) -> String {
        let host = self.addr;
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        )
    }
}

/// A reply taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let wanted = self.head.lines().filter_map(|line| line.split_once(':'));
        wanted
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Asserts that this is a problem of that name and status, complete as RFC 9457 and our extensions ask.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, name: &str) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(
            (self.status, problem["type"].as_str()),
            (status, Some(format!("/problems/{name}").as_str())),
            "{problem}"
        );
        assert_eq!(problem["status"], status);
        for key in ["title", "detail", "action"] {
            assert!(
                problem[key].as_str().is_some_and(|text| text.len() > 5),
                "{key} in {problem}"
            );
        }
        assert_eq!(problem["notice"], picture::NOTICE);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        problem
    }
}

/// Reads to the end of the connection; a reset after the reply does not spoil it. Status 0: there was none.
pub fn read_reply(stream: &mut impl Read) -> Reply {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    let begun = Instant::now();
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        // A stream that was to be refused has no end.
        assert!(begun.elapsed() < Duration::from_secs(60), "no whole reply");
    }
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Reply {
            status: 0,
            head: String::from_utf8_lossy(&bytes).into_owned(),
            body: Vec::new(),
        };
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    Reply {
        status,
        head,
        body: bytes[end + 4..].to_vec(),
    }
}

/// A PNG with a bright rectangle `x, y, width, height` on black.
pub fn picture(width: u32, height: u32, bright: [u32; 4]) -> Vec<u8> {
    let [left, top, across, down] = bright;
    let image = image::GrayImage::from_fn(width, height, |x, y| {
        let inside = (left..left + across).contains(&x) && (top..top + down).contains(&y);
        image::Luma([if inside { 255 } else { 0 }])
    });
    png(&image)
}

pub fn png(image: &image::GrayImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}
