//! A broker that does as a test tells it: refuses, hangs, takes, loses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use picture::segmenter::{Bell, Clock};
use picture::sync::lock;

use crate::broker::{Broker, BrokerLink, LinkError, LinkNews};
use crate::message::{MqttDelivery, MqttMessage};

/// How it treats who dials from now on, and who is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerMood {
    /// Lets clients in, and takes what they publish.
    Takes,
    /// Lets clients in, and has room for so many messages, of which it takes none.
    Hangs(usize),
    /// Lets nobody in.
    Refuses,
    /// Neither lets anybody in nor refuses it.
    Silent,
}

/// A broker without a network; clones are the same.
#[derive(Clone)]
pub struct ScriptedBroker(Arc<Ledger>);

struct Ledger {
    clock: Arc<dyn Clock>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    mood: Option<BrokerMood>,
    /// Connections begun.
    dialled: u64,
    /// The one that is alive, by its number.
    alive: Option<u64>,
    left: u64,
    heard: Vec<MqttMessage>,
    retained: BTreeMap<String, Vec<u8>>,
}

impl ScriptedBroker {
    /// One that takes everything.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let pages = Mutex::default();
        Self(Arc::new(Ledger { clock, pages }))
    }

    /// Has it be so from now on.
    pub fn is(&self, mood: BrokerMood) {
        lock(&self.0.pages).mood = Some(mood);
    }

    /// Cuts the connection that there is.
    pub fn cut(&self) {
        lock(&self.0.pages).alive = None;
    }

    /// How many connections were begun.
    #[must_use]
    pub fn dialled(&self) -> u64 {
        lock(&self.0.pages).dialled
    }

    /// How many clients took leave.
    #[must_use]
    pub fn left(&self) -> u64 {
        lock(&self.0.pages).left
    }

    /// What was published since this was last asked.
    #[must_use]
    pub fn heard(&self) -> Vec<MqttMessage> {
        std::mem::take(&mut lock(&self.0.pages).heard)
    }

    /// What it has kept, by topic.
    #[must_use]
    pub fn retained(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.0.pages).retained.clone()
    }
}

impl Broker for ScriptedBroker {
    fn dial(&mut self) -> Result<Box<dyn BrokerLink>, LinkError> {
        let number = {
            let mut pages = lock(&self.0.pages);
            pages.dialled += 1;
            pages.alive = Some(pages.dialled);
            pages.dialled
        };
        Ok(Box::new(ScriptedLink {
            broker: self.clone(),
            number,
            is_up: false,
            waiting: Vec::new(),
        }))
    }
}

/// A connection to it.
struct ScriptedLink {
    broker: ScriptedBroker,
    number: u64,
    is_up: bool,
    waiting: Vec<MqttMessage>,
}

impl ScriptedLink {
    fn happens(&mut self) -> Option<LinkNews> {
        let mut pages = lock(&self.broker.0.pages);
        if pages.alive != Some(self.number) {
            return Some(LinkNews::Lost(LinkError::Lost("cut".into())));
        }
        match (self.is_up, pages.mood.unwrap_or(BrokerMood::Takes)) {
            (false, BrokerMood::Refuses) => {
                Some(LinkNews::Lost(LinkError::Refused("as told".into())))
            }
            (false, BrokerMood::Takes | BrokerMood::Hangs(_)) => {
                self.is_up = true;
                Some(LinkNews::Up)
            }
            (true, BrokerMood::Takes) if !self.waiting.is_empty() => {
                let message = self.waiting.remove(0);
                if message.delivery == MqttDelivery::Retained {
                    let (topic, payload) = (message.topic.clone(), message.payload.clone());
                    pages.retained.insert(topic, payload);
                }
                pages.heard.push(message);
                Some(LinkNews::Sent)
            }
            _ => None,
        }
    }
}

impl BrokerLink for ScriptedLink {
    fn offer(&mut self, message: MqttMessage) -> bool {
        let mood = lock(&self.broker.0.pages).mood;
        let full = matches!(mood, Some(BrokerMood::Hangs(room)) if self.waiting.len() >= room);
        if !full {
            self.waiting.push(message);
        }
        !full
    }

    fn next(&mut self, until: Instant) -> Option<LinkNews> {
        let news = self.happens();
        if news.is_none() {
            self.broker.0.clock.wait(until, &Bell::default());
        }
        news
    }

    fn close(mut self: Box<Self>, _: Instant) -> bool {
        while let Some(LinkNews::Sent) = self.happens() {}
        let all = self.is_up && self.waiting.is_empty();
        let mut pages = lock(&self.broker.0.pages);
        pages.left += u64::from(all);
        all
    }
}
