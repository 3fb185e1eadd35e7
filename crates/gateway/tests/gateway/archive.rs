//! A DICOMweb server that keeps what it is sent, as an archive does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use picture::sync::lock;

/// An object that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived(pub Vec<u8>);

#[derive(Default)]
struct Shelf {
    arrived: Mutex<Vec<Arrived>>,
    more: Condvar,
    /// Whether it answers that it cannot.
    down: AtomicBool,
}

/// In service until the process ends.
pub struct Archive {
    pub port: u16,
    shelf: Arc<Shelf>,
}

impl Arrived {
    /// The UID of an element of the meta information.
    fn meta(&self, element: u8) -> String {
        let tag = [2, 0, element, 0, b'U', b'I'];
        let at = self.0.windows(6).position(|bytes| bytes == tag).unwrap() + 6;
        let length = usize::from(u16::from_le_bytes([self.0[at], self.0[at + 1]]));
        let uid = &self.0[at + 2..at + 2 + length];
        String::from_utf8(uid.to_vec())
            .unwrap()
            .trim_end_matches('\0')
            .into()
    }

    pub fn instance(&self) -> String {
        self.meta(3)
    }

    /// "seg", "sr" or "capture".
    pub fn kind(&self) -> &'static str {
        match self.meta(2).as_str() {
            "1.2.840.10008.5.1.4.1.1.66.4" => "seg",
            "1.2.840.10008.5.1.4.1.1.88.33"
            | "1.2.840.10008.5.1.4.1.1.88.22"
            | "1.2.840.10008.5.1.4.1.1.88.34" => "sr",
            "1.2.840.10008.5.1.4.1.1.7" => "capture",
            other => panic!("{other}"),
        }
    }

    pub fn says(&self, text: &str) -> bool {
        self.0
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    }
}

impl Archive {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shelf = Arc::new(Shelf::default());
        let own = shelf.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shelf = own.clone();
                // Who is killed in the middle of a request has sent nothing.
                thread::spawn(move || shelf.serve(stream.unwrap()).unwrap_or_default());
            }
        });
        Self { port, shelf }
    }

    /// From now on it answers that it cannot, or can again.
    pub fn is_down(&self, down: bool) {
        self.shelf.down.store(down, Ordering::SeqCst);
    }

    /// All that came, in its order, once there are so many.
    pub fn arrived(&self, count: usize) -> Vec<Arrived> {
        let few = |arrived: &mut Vec<Arrived>| arrived.len() < count;
        let arrived = lock(&self.shelf.arrived);
        let waited = self
            .shelf
            .more
            .wait_timeout_while(arrived, Duration::from_secs(60), few);
        let (arrived, late) = waited.unwrap();
        assert!(!late.timed_out(), "{} of {count}", arrived.len());
        arrived.clone()
    }

    pub fn count(&self) -> usize {
        lock(&self.shelf.arrived).len()
    }
}

impl Shelf {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                match line.trim().to_ascii_lowercase().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    None if line == "\r\n" => break,
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let down = self.down.load(Ordering::SeqCst);
            if !down {
                let mark = b"\r\n\r\n";
                let start = body.windows(4).position(|bytes| bytes == mark).unwrap() + 4;
                // The last boundary, with its two hyphens, is as long as the first, and three line ends are around them.
                let boundary = body.windows(2).position(|bytes| bytes == b"\r\n").unwrap();
                let end = body.len() - boundary - 6;
                lock(&self.arrived).push(Arrived(body[start..end].to_vec()));
                self.more.notify_all();
            }
            let status = if down { "503 Busy" } else { "200 OK" };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/dicom+json\r\nContent-Length: 2\r\n\r\n{{}}"
            )?;
        }
    }
}
