//! A listener, and a thread for each client.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use live::Studio;
use picture::segmenter::Clock;
use picture::sync::lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use crate::client::{GuidanceClient, GuidanceHouse};
use crate::config::{BadGuidanceSetting, GuidanceConfig};

/// How often the listener looks whether it is to end.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};
/// After what was not accepted.
const BREATH: Duration = Duration::from_millis(50);
/// What the system keeps for a client at most: more would be old before it is read.
const UNREAD: usize = 256 << 10;

/// Why it does not begin.
#[derive(Debug, thiserror::Error)]
pub enum GuidanceError {
    /// A setting that cannot work.
    #[error(transparent)]
    Setting(#[from] BadGuidanceSetting),
    /// The address.
    #[error("openigtlink.listen: {address}: {source}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// The system's.
        source: io::Error,
    },
}

/// Tells clients what may be shown of live sources. It ends when it is dropped.
pub struct GuidanceServer {
    address: SocketAddr,
    desk: Arc<ServerDesk>,
    thread: Option<JoinHandle<()>>,
}

struct ServerDesk {
    house: Arc<GuidanceHouse>,
    clients: usize,
    /// Connections by number: who is there, and how to end it.
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

impl GuidanceServer {
    /// Begins to listen; `None` if it is not said where.
    ///
    /// # Errors
    /// [`GuidanceError`].
    pub fn begin(
        config: &GuidanceConfig,
        studio: Arc<Studio>,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, GuidanceError> {
        config.check()?;
        let Some(address) = config.listen else {
            return Ok(None);
        };
        let house = GuidanceHouse {
            studio,
            clock,
            version: config.version(),
            pictures: config.pictures,
            ends: AtomicBool::new(false),
        };
        let desk = Arc::new(ServerDesk {
            house: Arc::new(house),
            clients: config.clients,
            open: Mutex::default(),
        });
        let listening = Self::listen(address, desk);
        listening
            .map(Some)
            .map_err(|source| GuidanceError::Listen { address, source })
    }

    fn listen(address: SocketAddr, desk: Arc<ServerDesk>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let own = desk.clone();
        let thread = thread::Builder::new()
            .name("openigtlink".into())
            .spawn(move || own.listen(&listener))?;
        Ok(Self {
            address,
            desk,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Clients that there are now.
    #[must_use]
    pub fn clients(&self) -> usize {
        lock(&self.desk.open).len()
    }
}

impl Drop for GuidanceServer {
    fn drop(&mut self) {
        self.desk.house.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported by itself.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for GuidanceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuidanceServer")
            .field("address", &self.address)
            .field("clients", &self.clients())
            .finish_non_exhaustive()
    }
}

impl ServerDesk {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        let mut threads: Vec<JoinHandle<()>> = Vec::new();
        for number in 0.. {
            let Some(stream) = self.next(listener) else {
                break;
            };
            threads.retain(|thread| !thread.is_finished());
            match self.open(number, &stream) {
                Ok(true) => threads.extend(self.serve(number, stream)),
                Ok(false) => tracing::warn!(
                    "an OpenIGTLink client was turned away: there are {} already",
                    self.clients
                ),
                Err(error) => {
                    tracing::warn!(%error, "an OpenIGTLink client's connection was of no use")
                }
            }
        }
        for stream in lock(&self.open).values() {
            // One that is gone is ended as well.
            let _ = stream.shutdown(Shutdown::Both);
        }
        for thread in threads {
            // As above.
            let _ = thread.join();
        }
    }

    /// The next client; `None` at the end.
    fn next(&self, listener: &TcpListener) -> Option<TcpStream> {
        while !self.house.ends.load(Ordering::Acquire) {
            // Whatever it says, what there is is seen by accepting.
            let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&LOOK));
            match listener.accept() {
                Ok((stream, _)) => return Some(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Of a connection that is gone, or there are no descriptors left: others may end meanwhile.
                Err(error) => {
                    tracing::warn!(%error, "an OpenIGTLink client was not accepted");
                    let clock = &self.house.clock;
                    clock.sleep_until(clock.now() + BREATH);
                }
            }
        }
        None
    }

    /// Whether there is room for one more.
    fn open(&self, number: u64, stream: &TcpStream) -> io::Result<bool> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        SockRef::from(stream).set_send_buffer_size(UNREAD)?;
        let handle = stream.try_clone()?;
        let mut open = lock(&self.open);
        if open.len() >= self.clients {
            return Ok(false);
        }
        open.insert(number, handle);
        Ok(true)
    }

    fn serve(self: &Arc<Self>, number: u64, stream: TcpStream) -> Option<JoinHandle<()>> {
        let desk = self.clone();
        let spawned = thread::Builder::new()
            .name("openigtlink-peer".into())
            .spawn(move || {
                let _place = ClientPlace(&desk, number);
                tracing::info!("an OpenIGTLink client came");
                let why = GuidanceClient::new(desk.house.clone(), stream).serve();
                tracing::info!("an OpenIGTLink client went: {why}");
            });
        match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                lock(&self.open).remove(&number);
                tracing::error!(%error, "the system gives no thread");
                None
            }
        }
    }
}

/// A client's place, given up whatever becomes of its thread.
struct ClientPlace<'a>(&'a ServerDesk, u64);

impl Drop for ClientPlace<'_> {
    fn drop(&mut self) {
        lock(&self.0.open).remove(&self.1);
    }
}
