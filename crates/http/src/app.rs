use std::sync::Arc;

use picture::segmenter::Segmenter;
use tokio::sync::{Semaphore, watch};

use super::config::ServerConfig;
use super::held::Replies;

/// Finished pictures being rendered at once. Each holds its pixels in memory.
const DESKS: usize = 2;

/// What all handlers share.
pub struct App {
    pub config: ServerConfig,
    pub engine: Arc<dyn Segmenter>,
    /// KiB of request bodies.
    pub uploads: Arc<Semaphore>,
    /// Requests between the engine's queue and their rendered reply.
    pub in_flight: Arc<Semaphore>,
    /// Seats for rendering.
    pub desks: Arc<Semaphore>,
    pub replies: Arc<Replies>,
    /// Becomes true when the time to stop in has run out: then whatever still waits is answered that it stops.
    pub ending: watch::Sender<bool>,
}

impl App {
    pub fn new(config: ServerConfig, engine: Arc<dyn Segmenter>) -> Arc<Self> {
        Arc::new(Self {
            uploads: Arc::new(Semaphore::new(config.upload_budget_kib())),
            in_flight: Arc::new(Semaphore::new(config.max_in_flight as usize)),
            desks: Arc::new(Semaphore::new(DESKS)),
            replies: Replies::new(config.reply_budget()),
            ending: watch::Sender::new(false),
            config,
            engine,
        })
    }
}
