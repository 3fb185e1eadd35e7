//! What happened, counted, and how it is: without an identifier.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use dimse::{Deliver, Destinations, OutboxState, RouteName, SendError, Sent};
use picture::sync::lock;

use crate::fate::ObjectFate;

/// After so many attempts in vain a destination counts as out of order.
const MANY_ATTEMPTS: u32 = 3;

/// How it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayView {
    /// Whoever sends now.
    pub associations: usize,
    /// Objects that came so far, those among them that were there already.
    pub received: u64,
    /// Objects that wait to be worked on.
    pub spooled: usize,
    /// What became of objects.
    pub fates: BTreeMap<ObjectFate, u64>,
    /// What is in the way of the next one.
    pub held: Option<String>,
    /// Answers that wait or are set aside.
    pub outbox: OutboxState,
    /// Attempts to send, by destination.
    pub sendings: BTreeMap<RouteName, SendingCounts>,
    /// Whether its threads are all there.
    pub runs: bool,
}

/// What became of attempts to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendingCounts {
    /// Acknowledged.
    pub sent: u64,
    /// To be tried again.
    pub failed: u64,
    /// Refused for good: set aside.
    pub refused: u64,
}

impl GatewayView {
    /// What is wrong, in words; nothing if all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.runs {
            problems.push("a thread of the DICOM network has ended; restart the service".into());
        }
        if let Some(held) = &self.held {
            problems.push(format!("{} objects wait: {held}", self.spooled));
        }
        for (route, state) in &self.outbox.routes {
            if let (MANY_ATTEMPTS.., Some(error)) = (state.attempts, &state.last_error) {
                problems.push(format!(
                    "{} answers wait for '{route}', tried {} times: {error}",
                    state.waiting, state.attempts
                ));
            }
        }
        if self.outbox.refused > 0 {
            problems.push(format!(
                "{} answers were refused by their destination and are set aside; they are tried again at the next start",
                self.outbox.refused
            ));
        }
        problems
    }
}

/// What is counted as it happens.
#[derive(Debug, Default)]
pub struct GatewayMeter {
    received: AtomicU64,
    fates: Mutex<BTreeMap<ObjectFate, u64>>,
}

impl GatewayMeter {
    pub fn came(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub fn became(&self, fate: ObjectFate) {
        *lock(&self.fates).entry(fate).or_default() += 1;
    }

    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub fn fates(&self) -> BTreeMap<ObjectFate, u64> {
        lock(&self.fates).clone()
    }
}

/// Destinations whose attempts are counted.
pub struct CountedDestinations {
    destinations: Destinations,
    counts: Mutex<BTreeMap<RouteName, SendingCounts>>,
}

impl CountedDestinations {
    pub fn new(destinations: Destinations) -> Self {
        // All of them from the start: a counter that appears with its first event has no rate.
        let counts = destinations.0.keys();
        let counts = counts.map(|name| (name.clone(), SendingCounts::default()));
        Self {
            counts: Mutex::new(counts.collect()),
            destinations,
        }
    }

    pub fn counts(&self) -> BTreeMap<RouteName, SendingCounts> {
        lock(&self.counts).clone()
    }
}

impl Deliver for CountedDestinations {
    fn deliver(&self, route: &RouteName, file: &Path) -> Result<Sent, SendError> {
        let delivered = self.destinations.deliver(route, file);
        // Of a destination that is configured no more, nothing is counted.
        if let Some(counts) = lock(&self.counts).get_mut(route) {
            match &delivered {
                Ok(_) => counts.sent += 1,
                Err(error) if error.is_lasting() => counts.refused += 1,
                Err(_) => counts.failed += 1,
            }
        }
        delivered
    }
}
