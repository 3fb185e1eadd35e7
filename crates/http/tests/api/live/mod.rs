//! Live sources over real sockets: a puppet for the source, the fake for the model.

mod asked;
mod board;
mod shown;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ::live::steady::Insistence;
use ::live::{LiveSettings, SessionSpec, State};
use espmedsam_http::ServerConfig;
use picture::frame::{FrameLimits, decode};
use picture::segmenter::{Ask, Readiness};
use serde_json::Value;
use testing::fake::MODALITIES;
use testing::puppet::{Act, Puppet};
use tungstenite::{Message, WebSocket};
use video::prepare::SourceView;

use crate::support::{Server, wait_until};

const BRIGHT: Act = Act::Picture(320, 240, 200);
const DARK: Act = Act::Picture(320, 240, 50);

/// Each answer counts by itself, and is just what the fake gives.
fn settings() -> LiveSettings {
    let at_once = Insistence {
        times: 1,
        lasting: Duration::ZERO,
    };
    LiveSettings {
        insistence: [at_once; 2],
        steady: false,
        ..LiveSettings::default()
    }
}

/// A server with one live source, which sends pictures as long as it is told to.
pub struct Scene {
    pub server: Server,
    pub puppet: Puppet,
    pub playing: Arc<AtomicBool>,
}

impl Scene {
    pub fn new() -> Self {
        Self::with(ServerConfig::default())
    }

    pub fn with(config: ServerConfig) -> Self {
        let server = Server::start(config, 8);
        let puppet = server.puppet.clone();
        let spec = SessionSpec {
            opener: Arc::new(puppet.clone()),
            view: SourceView::default(),
            ask: Ask::new(MODALITIES[1]),
            settings: settings(),
        };
        server.studio.begin("probe", spec).unwrap();
        Self {
            server,
            puppet,
            playing: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Sends pictures that differ, ever since.
    pub fn play(&self) {
        self.playing.store(true, SeqCst);
        let (puppet, playing) = (self.puppet.clone(), self.playing.clone());
        std::thread::spawn(move || {
            for grey in (200..=250).cycle() {
                if !playing.load(SeqCst) {
                    return;
                }
                puppet.act(Act::Picture(320, 240, grey));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        self.wait_for(State::Mask);
    }

    fn stop(&self) {
        self.playing.store(false, SeqCst);
    }

    pub fn wait_for(&self, state: State) {
        wait_until(state.name(), || {
            self.server.studio.find(None).unwrap().1.look().state == state
        });
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addr)
    }

    /// A reply that has no end, to be read from.
    pub fn endless(&self, path: &str) -> BufReader<impl Read + use<>> {
        let reply = ureq::get(&self.url(path)).call().unwrap();
        BufReader::new(reply.into_body().into_reader())
    }

    fn socket(&self, query: &str) -> WebSocket<TcpStream> {
        let stream = self.server.connect();
        let url = format!("ws://{}/v1/live/ws?{query}", self.server.addr);
        tungstenite::client(url, stream).unwrap().0
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop();
        self.puppet.release();
    }
}

/// A part of the stream: its headers and its JPEG.
fn part(stream: &mut impl BufRead) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(
            stream.read_line(&mut head).unwrap(),
            0,
            "the stream ended: {head}"
        );
    }
    let length = header(&head, "Content-Length").unwrap().parse().unwrap();
    let mut jpeg = vec![0; length];
    stream.read_exact(&mut jpeg).unwrap();
    let mut end = [0; 2];
    stream.read_exact(&mut end).unwrap();
    (head, jpeg)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A message of the socket: its header and its payload.
fn message(socket: &mut WebSocket<TcpStream>) -> (Value, Vec<u8>) {
    let Message::Binary(bytes) = socket.read().unwrap() else {
        panic!("every message is binary");
    };
    let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    let header = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
    (header, bytes[4 + length..].to_vec())
}

/// The first message that is as asked, within half a minute.
fn message_with(
    socket: &mut WebSocket<TcpStream>,
    is: impl Fn(&Value) -> bool,
) -> (Value, Vec<u8>) {
    let begun = Instant::now();
    loop {
        let (header, payload) = message(socket);
        if is(&header) {
            return (header, payload);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{header}");
    }
}
