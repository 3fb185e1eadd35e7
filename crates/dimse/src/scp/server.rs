//! A listener, and a thread for each association.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use picture::segmenter::{Clock, SystemClock};
use picture::sync::lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::serve::ScpHouse;
use super::settings::{Receive, ScpSettings};
use crate::pdu::{PduKind, RejectReason, Rejection};
use crate::spool::Spool;
use crate::times::TimeLimits;
use crate::wire::{Connection, PduWire};

/// How often the listener looks whether it is to end.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};
/// How long one is listened to who is told that there are too many.
const BRIEF: Duration = Duration::from_secs(1);

/// A storage provider that listens: takes objects into a spool, and answers C-ECHO. It ends when it is dropped.
pub struct StoreScp {
    address: SocketAddr,
    desk: Arc<ScpDesk>,
    thread: Option<JoinHandle<()>>,
}

struct ScpDesk {
    ends: AtomicBool,
    house: ScpHouse,
    clock: Arc<dyn Clock>,
    /// Connections by number: who is there, and how to end it.
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

impl StoreScp {
    /// Begins to listen. `receive` hears of each object that came.
    ///
    /// # Errors
    /// The system's, where it cannot listen there.
    pub fn start(
        settings: ScpSettings,
        spool: Arc<Spool>,
        receive: Arc<dyn Receive>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let desk = Arc::new(ScpDesk {
            ends: AtomicBool::new(false),
            house: ScpHouse {
                settings,
                spool,
                receive,
            },
            clock: Arc::new(SystemClock),
            open: Mutex::default(),
        });
        let own = desk.clone();
        let thread = thread::Builder::new()
            .name("dimse".into())
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

    /// Associations that there are now.
    #[must_use]
    pub fn associations(&self) -> usize {
        lock(&self.desk.open).len()
    }
}

impl Drop for StoreScp {
    /// Ends all associations. What is not acknowledged by now its sender sends again.
    fn drop(&mut self) {
        self.desk.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported by itself.
            let _ = thread.join();
        }
    }
}

impl ScpDesk {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        let mut threads: Vec<JoinHandle<()>> = Vec::new();
        for number in 0.. {
            let Some((stream, peer)) = self.next(listener) else {
                break;
            };
            threads.retain(|thread| !thread.is_finished());
            match self.open(number, &stream) {
                Ok(true) => threads.extend(self.serve(number, stream, peer)),
                Ok(false) => self.turn_away(stream),
                Err(error) => tracing::warn!(%error, "a connection was of no use"),
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

    /// The next connection of somebody who may call; `None` at the end.
    fn next(&self, listener: &TcpListener) -> Option<(TcpStream, IpAddr)> {
        while !self.ends.load(Ordering::Acquire) {
            // Whatever it says, what there is is seen by accepting.
            let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&LOOK));
            match listener.accept() {
                Ok((stream, peer)) if self.house.settings.admits_address(peer.ip()) => {
                    return Some((stream, peer.ip()));
                }
                Ok((_, peer)) => {
                    tracing::info!(address = %peer.ip(), "a connection from an address that is not listed was closed");
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Of a connection that is gone, or there are no descriptors left: others may end meanwhile.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    self.clock
                        .sleep_until(self.clock.now() + Duration::from_millis(50));
                }
            }
        }
        None
    }

    /// Whether there is room for one more.
    fn open(&self, number: u64, stream: &TcpStream) -> io::Result<bool> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        let handle = stream.try_clone()?;
        let mut open = lock(&self.open);
        if open.len() >= self.house.settings.associations {
            return Ok(false);
        }
        open.insert(number, handle);
        Ok(true)
    }

    fn serve(
        self: &Arc<Self>,
        number: u64,
        stream: TcpStream,
        peer: IpAddr,
    ) -> Option<JoinHandle<()>> {
        let desk = self.clone();
        let spawned = thread::Builder::new()
            .name("dimse-peer".into())
            .spawn(move || {
                let place = Place(&desk, number);
                desk.associate(stream, peer);
                drop(place);
            });
        match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                tracing::error!(%error, "no thread for an association");
                lock(&self.open).remove(&number);
                None
            }
        }
    }

    fn associate(&self, stream: TcpStream, peer: IpAddr) {
        let settings = &self.house.settings;
        let connection: Box<dyn Connection + Send> = match &settings.tls {
            None => Box::new(stream),
            Some(kit) => match kit.accept(stream) {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::error!(%error, "no TLS for an association");
                    return;
                }
            },
        };
        let mut wire = PduWire::new(connection, settings.times, self.clock.clone());
        if let Err(error) = self.house.serve(&mut wire, peer) {
            tracing::info!(%error, "an association ended early");
        }
    }

    /// Tells one who comes too many that there are. By TLS it would take too long to tell: the connection is closed.
    fn turn_away(&self, stream: TcpStream) {
        if self.house.settings.tls.is_some() {
            return;
        }
        let times = TimeLimits {
            pdu: BRIEF,
            idle: BRIEF,
            association: BRIEF,
            ..self.house.settings.times
        };
        let mut wire = PduWire::new(stream, times, self.clock.clone());
        if matches!(wire.receive(), Ok(PduKind::AssociateRequest)) {
            // Who does not hear it, finds the connection closed.
            let _ = wire.send(&Rejection::for_now(RejectReason::Limit).pdu());
            wire.part();
        }
    }
}

/// An association's place, given back also by a panic.
struct Place<'a>(&'a ScpDesk, u64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.0.open).remove(&self.1);
    }
}
