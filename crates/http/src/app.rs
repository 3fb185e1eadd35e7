use std::sync::Arc;

use access::{AuditLog, Gate};
#[cfg(feature = "network")]
use gateway::Gateway;
use live::Studio;
use mqtt::MqttMeter;
use picture::segmenter::Segmenter;
use tokio::sync::{Semaphore, watch};

use super::config::ServerConfig;
use super::door::CameBy;
use super::held::Replies;
use super::live::Gallery;
use super::metrics::Meters;
use super::pool::{PoolPermit, SharedPool};
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
    pub viewers: SharedPool,
    pub meters: Meters,
    /// Places for connections.
    pub connections: SharedPool,
    /// The place for who asks what cameras there are.
    pub cameras: Arc<Semaphore>,
    /// KiB of request bodies.
    pub uploads: SharedPool,
    /// Requests between the engine's queue and their rendered reply.
    pub in_flight: SharedPool,
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
    pub fn viewers_place(&self, came_by: CameBy) -> Result<PoolPermit, Problem> {
        let place = self.viewers.share(came_by).take(1);
        let all = "Every place for a viewer is taken.";
        place.map_err(|full| full.problem(Kind::TooManyViewers, all))
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
        let engine = studio.segmenter().clone();
        let queue = u32::try_from(engine.queue().1).unwrap_or(u32::MAX);
        Arc::new(Self {
            meters: Meters::default(),
            connections: SharedPool::new(config.max_connections),
            uploads: SharedPool::new(config.upload_budget_kib()),
            in_flight: SharedPool::before(queue, config.max_in_flight),
            desks: Arc::new(Semaphore::new(DESKS)),
            replies: Replies::new(config.reply_budget()),
            ending: watch::Sender::new(false),
            closing: watch::Sender::new(false),
            gallery: Arc::default(),
            cameras: Arc::new(Semaphore::new(1)),
            viewers: SharedPool::new(config.max_viewers),
            config,
            engine,
            studio,
            #[cfg(feature = "network")]
            gateway,
            gate,
            audit,
            mqtt,
        })
    }
}
