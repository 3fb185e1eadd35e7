//! All of it, put together: begun, looked at, ended.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dimse::{Backoff, Courier, FolderError, Outbox, ReceivedObject, Spool, StoreScp};
use durable::SystemDisk;
use picture::segmenter::{Bell, Clock, Segmenter};
use picture::sync::lock;

use crate::attempts::Attempts;
use crate::hold::WorkerHold;
use crate::maker::AnswerDesk;
use crate::meter::{CountedDestinations, GatewayMeter, GatewayView};
use crate::naming::naming_secret;
use crate::plan::GatewayPlan;
use crate::worker::GatewayWorker;

/// How often an end is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// Why it does not begin.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Its folders.
    #[error("dicom.folder: {0}")]
    Folder(#[from] FolderError),
    /// The secret that lies there.
    #[error("dicom.folder: {}: {source}", path.display())]
    Secret {
        /// The folder.
        path: std::path::PathBuf,
        /// The system's.
        source: io::Error,
    },
    /// The address.
    #[error("dicom.listen: {address}: {source}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// The system's.
        source: io::Error,
    },
    /// No thread.
    #[error("the system gives no thread: {0}")]
    Thread(#[source] io::Error),
}

/// A node in service: takes pictures in, segments them, sends answers on. Ended when it is dropped.
pub struct Gateway {
    address: SocketAddr,
    spool: Arc<Spool>,
    outbox: Arc<Outbox>,
    destinations: Arc<CountedDestinations>,
    meter: Arc<GatewayMeter>,
    hold: Arc<WorkerHold>,
    bell: Bell,
    threads: Mutex<Option<GatewayThreads>>,
}

struct GatewayThreads {
    scp: StoreScp,
    courier: Courier,
    worker: JoinHandle<()>,
}

impl GatewayThreads {
    fn run(&self) -> bool {
        !self.courier.is_over() && !self.worker.is_finished()
    }
}

impl Gateway {
    /// Begins: goes on with what lies in its folder, tries once more what was set aside, and listens.
    ///
    /// # Errors
    /// [`GatewayError`]; then nothing runs.
    pub fn begin(
        plan: GatewayPlan,
        segmenter: Arc<dyn Segmenter>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, GatewayError> {
        let spool = Arc::new(Spool::open(&plan.folder.join("spool"), plan.spool)?);
        let outbox = Arc::new(Outbox::open(&plan.folder.join("outbox"), plan.outbox)?);
        outbox.retry_refused()?;
        let secret =
            naming_secret(&plan.folder, &SystemDisk).map_err(|source| GatewayError::Secret {
                path: plan.folder.clone(),
                source,
            })?;
        let destinations = Arc::new(CountedDestinations::new(plan.destinations));
        let meter = Arc::new(GatewayMeter::default());
        let hold = Arc::new(WorkerHold::new(clock.clone()));
        let bell = Bell::default();
        let worker = GatewayWorker {
            spool: spool.clone(),
            outbox: outbox.clone(),
            desk: AnswerDesk {
                segmenter,
                secret,
                identity: plan.identity,
                kinds: plan
                    .routes
                    .iter()
                    .flat_map(|route| route.answers.clone())
                    .collect(),
                max_frames: plan.max_frames,
            },
            routes: plan.routes,
            attempts: Attempts::new(&plan.folder),
            meter: meter.clone(),
            hold: hold.clone(),
            bell: bell.clone(),
        };
        let (came, wake) = (meter.clone(), bell.clone());
        let receive = move |_: ReceivedObject| {
            came.came();
            wake.ring();
        };
        let address = plan.scp.listen;
        let listen = |source| GatewayError::Listen { address, source };
        // The last that can fail for what an operator did; a thread is always to be had, or nothing is.
        let scp = StoreScp::start(plan.scp, spool.clone(), Arc::new(receive)).map_err(listen)?;
        let courier = Courier::start(
            outbox.clone(),
            destinations.clone(),
            Backoff::default(),
            clock,
        )
        .map_err(GatewayError::Thread)?;
        let spawn = thread::Builder::new().name("gateway".into());
        let worker = spawn
            .spawn(move || worker.go())
            .map_err(GatewayError::Thread)?;
        Ok(Self {
            address: scp.address(),
            spool,
            outbox,
            destinations,
            meter,
            hold,
            bell,
            threads: Mutex::new(Some(GatewayThreads {
                scp,
                courier,
                worker,
            })),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is now.
    #[must_use]
    pub fn look(&self) -> GatewayView {
        let threads = lock(&self.threads);
        let threads = threads.as_ref();
        GatewayView {
            associations: threads.map_or(0, |threads| threads.scp.associations()),
            received: self.meter.received(),
            spooled: self.spool.waiting().len(),
            fates: self.meter.fates(),
            held: self.hold.reason(),
            outbox: self.outbox.state(),
            sendings: self.destinations.counts(),
            runs: threads.is_some_and(GatewayThreads::run),
        }
    }

    /// Ends it: nothing more is taken in, what is worked on or sent is given so long. Nothing is lost by what does not end in
    /// time: whatever was not acknowledged lies in the folder. Whether all have ended.
    pub fn end(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        self.hold.end();
        self.bell.ring();
        let Some(threads) = lock(&self.threads).take() else {
            return true;
        };
        let GatewayThreads {
            scp,
            courier,
            worker,
        } = threads;
        courier.end();
        drop(scp);
        loop {
            let over = courier.is_over() && worker.is_finished();
            if over || Instant::now() >= until {
                return over;
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
