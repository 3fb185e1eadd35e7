//! What a service manager is told, by datagrams of lines (sd_notify(3)).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Whoever started this service and wants to hear of it; nobody, when it was started by hand.
#[derive(Debug, Default)]
pub struct ServiceManager {
    ear: Option<Ear>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Ear {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// What is said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Pictures are served; a reload is over.
    Ready,
    /// All is well: what keeps its watchdog quiet.
    Alive,
    /// For people.
    Status(String),
    /// The configuration is being read anew; [`Word::Ready`] follows.
    Reloading,
    /// The end has begun.
    Stopping,
}

impl ServiceManager {
    /// As `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` say.
    ///
    /// # Errors
    /// A socket that cannot be told anything by this program.
    pub fn of_this_process() -> io::Result<Self> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let time = number("WATCHDOG_USEC").filter(|time| ours && *time > 0);
        Self::at(&name, time.map(Duration::from_micros))
    }

    /// One that listens at that path, or, behind an `@`, under that name outside the file system.
    ///
    /// # Errors
    /// Neither of both, or the system's.
    pub fn at(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read must not hold the service up.
        socket.set_nonblocking(true)?;
        let ear = Some(Ear { socket, address });
        Ok(Self { ear, watchdog })
    }

    /// It has to hear [`Word::Alive`] at least so often.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Says it; whether it was heard, if there is anybody. One that cannot be reached is not a fault of the service.
    pub fn tell(&self, words: &[Word]) -> bool {
        let Some(Ear { socket, address }) = self.ear.as_ref().filter(|_| !words.is_empty()) else {
            return true;
        };
        let lines: String = words.iter().map(line).collect();
        let sent = socket.send_to_addr(lines.as_bytes(), address);
        sent.inspect_err(|error| tracing::debug!(%error, "the service manager cannot be told"))
            .is_ok()
    }
}

fn line(word: &Word) -> String {
    match word {
        Word::Ready => "READY=1\n".into(),
        Word::Alive => "WATCHDOG=1\n".into(),
        // A line each: what comes after an end of line would be a word of its own.
        Word::Status(text) => format!("STATUS={}\n", text.replace(['\n', '\r'], " ")),
        Word::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}\n", monotonic_us()),
        Word::Stopping => "STOPPING=1\n".into(),
    }
}

fn monotonic_us() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(ear: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let count = ear.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    #[test]
    fn words_arrive_at_a_path_and_at_an_abstract_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let hidden = format!("espmedsam-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&hidden).unwrap();
        for (name, ear) in [
            (
                path.clone().into_os_string(),
                UnixDatagram::bind(&path).unwrap(),
            ),
            (
                format!("@{hidden}").into(),
                UnixDatagram::bind_addr(&address).unwrap(),
            ),
        ] {
            let manager = ServiceManager::at(&name, None).unwrap();
            manager.tell(&[Word::Ready, Word::Status("two\nlines".into())]);
            assert_eq!(heard(&ear), "READY=1\nSTATUS=two lines\n");
            manager.tell(&[Word::Alive]);
            assert_eq!(heard(&ear), "WATCHDOG=1\n");
            manager.tell(&[Word::Stopping]);
            assert_eq!(heard(&ear), "STOPPING=1\n");
            let before = monotonic_us();
            manager.tell(&[Word::Reloading]);
            let said = heard(&ear);
            let time = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
            let time: i64 = time.trim_end().parse().unwrap();
            assert!((before..=monotonic_us()).contains(&time), "{time}");
        }
    }

    #[test]
    fn one_that_has_gone_holds_nothing_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = ServiceManager::at(path.as_os_str(), None).unwrap();
        assert!(!manager.tell(&[Word::Ready]));
        let ear = UnixDatagram::bind(&path).unwrap();
        assert!(manager.tell(&[Word::Alive]));
        assert_eq!(heard(&ear), "WATCHDOG=1\n");
        let elsewhere = ServiceManager::at(OsStr::new("vsock:2:1234"), None);
        assert_eq!(elsewhere.unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
