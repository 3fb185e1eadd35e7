use std::sync::Arc;

use access::{AuditLog, Gate};
#[cfg(feature = "network")]
use gateway::Gateway;
use live::Studio;
use mqtt::MqttMeter;
use picture::segmenter::Segmenter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::config::ServerConfig;
use super::door::CameBy;
use super::held::Replies;
use super::live::Gallery;
use super::metrics::Meters;
use super::problem::{Kind, Problem};

/// Finished pictures being rendered at once. Each holds its pixels in memory.
const DESKS: usize = 2;

/// What is served.
#[derive(Clone)]
pub struct ServedParts {
    /// The model and the sources.
    pub studio: Arc<Studio>,
    /// The node of a DICOM network, of which it is told how it does.
    #[cfg(feature = "network")]
    pub gateway: Option<Arc<Gateway>>,
    /// Who decides about callers from other machines; without it none of them is let in.
    pub gate: Option<Arc<Gate>>,
    /// Where it is written down what callers changed.
    pub audit: Option<Arc<AuditLog>>,
    /// What an MQTT broker is told, counted.
    pub mqtt: Option<Arc<MqttMeter>>,
}

impl From<Arc<Studio>> for ServedParts {
    fn from(studio: Arc<Studio>) -> Self {
        Self {
            studio,
            #[cfg(feature = "network")]
            gateway: None,
            gate: None,
            audit: None,
            mqtt: None,
        }
    }
}

/// What all handlers share.
pub struct App {
    pub config: ServerConfig,
    pub engine: Arc<dyn Segmenter>,
    pub studio: Arc<Studio>,
    #[cfg(feature = "network")]
    pub gateway: Option<Arc<Gateway>>,
    pub gate: Option<Arc<Gate>>,
    pub audit: Option<Arc<AuditLog>>,
    pub mqtt: Option<Arc<MqttMeter>>,
    pub gallery: Arc<Gallery>,
    /// Places for those who look at live sources.
    pub viewers: Arc<Semaphore>,
    pub meters: Meters,
    /// Places for connections.
    pub connections: Arc<Semaphore>,
    /// How many of them other machines may have: half, so that whoever floods their door leaves room for this machine's callers.
    pub far_connections: Arc<Semaphore>,
    /// The place for who asks what cameras there are.
    pub cameras: Arc<Semaphore>,
    /// KiB of request bodies.
    pub uploads: Arc<Semaphore>,
    /// Requests between the engine's queue and their rendered reply.
    pub in_flight: Arc<Semaphore>,
    /// Seats for rendering.
    pub desks: Arc<Semaphore>,
    pub replies: Arc<Replies>,
    /// Becomes true when the time to stop in has run out: then whatever still waits is answered that it stops.
    pub ending: watch::Sender<bool>,
    /// Becomes true when the server is asked to stop: connections end with what they are at.
    pub closing: watch::Sender<bool>,
}

impl App {
    /// A place among those who look at live sources.
    ///
    /// # Errors
    /// [`Kind::TooManyViewers`].
    pub fn viewers_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = self.viewers.clone().try_acquire_owned();
        place.map_err(|_| Kind::TooManyViewers.because("Every place for a viewer is taken."))
    }

    pub fn new(config: ServerConfig, parts: impl Into<ServedParts>) -> Arc<Self> {
        let ServedParts {
            studio,
            #[cfg(feature = "network")]
            gateway,
            gate,
            audit,
            mqtt,
        } = parts.into();
        Arc::new(Self {
            meters: Meters::default(),
            connections: Arc::new(Semaphore::new(config.max_connections as usize)),
            far_connections: Arc::new(Semaphore::new(config.max_connections.div_ceil(2) as usize)),
            uploads: Arc::new(Semaphore::new(config.upload_budget_kib())),
            in_flight: Arc::new(Semaphore::new(config.max_in_flight as usize)),
            desks: Arc::new(Semaphore::new(DESKS)),
            replies: Replies::new(config.reply_budget()),
            ending: watch::Sender::new(false),
            closing: watch::Sender::new(false),
            gallery: Arc::default(),
            cameras: Arc::new(Semaphore::new(1)),
            viewers: Arc::new(Semaphore::new(config.max_viewers as usize)),
            config,
            engine: studio.segmenter().clone(),
            studio,
            #[cfg(feature = "network")]
            gateway,
            gate,
            audit,
            mqtt,
        })
    }
}

/// A connection's place, among all and, if it is another machine's, among those of others.
pub struct TakenPlace(
    #[expect(dead_code, reason = "held, and let go")] [Option<OwnedSemaphorePermit>; 2],
);

impl TakenPlace {
    /// `None`: none is left.
    pub fn take(app: &App, came_by: CameBy) -> Option<Self> {
        let take = |places: &Arc<Semaphore>| places.clone().try_acquire_owned().ok();
        let far = match came_by {
            CameBy::Near => None,
            CameBy::Far(_) => Some(take(&app.far_connections)?),
        };
        Some(Self([Some(take(&app.connections)?), far]))
    }
}
