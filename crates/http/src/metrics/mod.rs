//! What is measured, for Prometheus: `GET /metrics` ([`scrape`](super::scrape)) puts it together.
//!
//! What happens is counted as it happens, in [`Meters`]; what is (queue, states, memory, temperature) is looked up when
//! somebody asks. Every label has a bounded number of values: routes as they are registered, never paths as they are sent;
//! names from the manifest; words from our own tables; names of the sources that are watched now.
//!
//! The format is written here, not by a crate: it is [a page of code](exposition), nearly all values are looked up and
//! need no registry, and an observation is an addition without lock or allocation.

mod board;
mod engine;
mod exposition;
mod histogram;
mod host;
mod live;
mod mqtt;
#[cfg(feature = "network")]
mod network;
mod requests;
mod results;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use board::{render as render_board, render_panel};
pub use engine::render as render_engine;
pub use exposition::{CONTENT_TYPE, Exposition};
pub use host::render as render_host;
pub use live::{LiveMeter, LiveMeters, LiveScrape, render as render_live};
pub use mqtt::render as render_mqtt;
#[cfg(feature = "network")]
pub use network::render as render_network;
pub use requests::{RequestMeter, count};
pub use results::ResultMeter;

use picture::segmenter::Entrance;

/// What is counted as it happens.
#[derive(Debug, Default)]
pub struct Meters {
    /// Requests.
    pub requests: Arc<RequestMeter>,
    /// Connections.
    pub connections: ConnectionMeter,
    /// What became of jobs.
    pub jobs: Arc<ResultMeter>,
    /// Answers to live sources.
    pub live: LiveMeters,
}

impl Meters {
    /// All of it.
    pub fn render(&self, out: &mut Exposition) {
        self.requests.render(out);
        self.connections.render(out);
        results::render(
            out,
            &[
                (Entrance::Queue, &self.jobs),
                (Entrance::Lane, self.live.frames()),
            ],
        );
    }
}

/// Connections so far. How many are open is known elsewhere.
#[derive(Debug, Default)]
pub struct ConnectionMeter {
    accepted: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
}

impl ConnectionMeter {
    /// One was accepted.
    pub fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// One was refused, as all places were taken.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// One was cut off, as its client read too slowly.
    pub fn cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    fn render(&self, out: &mut Exposition) {
        let name = "espmedsam_http_connections_total";
        let mut family = out.counter(
            name,
            "Connections: accepted; refused, as all places were taken; cut, as the client read too slowly.",
        );
        let fates = [
            ("accepted", &self.accepted),
            ("refused", &self.refused),
            ("cut", &self.cut),
        ];
        for (fate, count) in fates {
            family.put(&[("fate", fate)], count.load(Ordering::Relaxed));
        }
    }
}
