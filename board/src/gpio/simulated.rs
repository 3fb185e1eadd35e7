//! Lights and a switch of nothing: for tests, which say what its edges are, and for laptops, where it is clicked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use picture::segmenter::{Bell, Clock};
use picture::sync::lock;

use super::error::GpioError;
use super::lines::{Edge, PanelLines};
use super::role::LampRole;

/// Edges that wait to be read. A kernel keeps 16 for each line; here a script may be ahead.
const MOST: usize = 1024;

/// A panel of nothing.
#[derive(Debug)]
pub struct SimulatedLines {
    clock: Arc<dyn Clock>,
    debounce: Duration,
    lit: Mutex<[bool; LampRole::ALL.len()]>,
    edges: Mutex<VecDeque<Edge>>,
    edge: Bell,
}

impl SimulatedLines {
    /// One whose lamps are dark. Its edges must stand for so long.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, debounce: Duration) -> Self {
        Self {
            clock,
            debounce,
            lit: Mutex::default(),
            edges: Mutex::default(),
            edge: Bell::default(),
        }
    }

    /// Has the switch go down or up, now. What is more than anybody reads is lost, the oldest first.
    pub fn press(&self, down: bool) {
        let at = self.clock.now();
        let mut edges = lock(&self.edges);
        let dropped = match edges.len() >= MOST {
            true => edges.pop_front(),
            false => None,
        };
        if let Some((dropped, next)) = dropped.zip(edges.front_mut()) {
            next.lost += dropped.lost + 1;
        }
        edges.push_back(Edge { down, at, lost: 0 });
        drop(edges);
        self.edge.ring();
    }

    /// Whether a lamp is lit.
    #[must_use]
    pub fn is_lit(&self, lamp: LampRole) -> bool {
        let lit = lock(&self.lit);
        let mut all = LampRole::ALL.into_iter().zip(*lit);
        all.any(|(role, lit)| role == lamp && lit)
    }
}

impl PanelLines for SimulatedLines {
    fn set(&self, lamp: LampRole, lit: bool) -> Result<(), GpioError> {
        let mut all = lock(&self.lit);
        for (role, is) in LampRole::ALL.into_iter().zip(all.iter_mut()) {
            if role == lamp {
                *is = lit;
            }
        }
        Ok(())
    }

    fn wait(&self, at_most: Duration) -> Result<Option<Edge>, GpioError> {
        let until = self.clock.now() + at_most;
        loop {
            self.edge.hush();
            let edge = lock(&self.edges).pop_front();
            if edge.is_some() || self.clock.now() >= until {
                return Ok(edge);
            }
            self.clock.wait(until, &self.edge);
        }
    }

    fn debounce(&self) -> Duration {
        self.debounce
    }
}
