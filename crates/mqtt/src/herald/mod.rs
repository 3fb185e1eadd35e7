//! Who tells the broker: dials, tells what is due, dials again. By turns, so that a test goes from one to the next.

mod pause;
#[cfg(test)]
mod tests;

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use live::Studio;
use picture::segmenter::{Bell, Clock};

use self::pause::Redial;
use crate::broker::{Broker, BrokerLink, LinkError, LinkNews};
use crate::bulletin::Bulletin;
use crate::message::{MOST_BYTES, MqttMessage, OfflineReason, WallMoment};
use crate::meter::MqttMeter;
use crate::plan::MqttPlan;
use crate::topics::MqttTopics;

/// Sources are looked at so often: no state is told more often than four times a second.
pub const LOOK: Duration = Duration::from_millis(250);

/// What a herald goes by.
pub struct HeraldParts {
    /// Whose sources are told of.
    pub studio: Arc<Studio>,
    /// To whom.
    pub broker: Box<dyn Broker>,
    /// What is counted.
    pub meter: Arc<MqttMeter>,
    /// The clock that ages go by.
    pub clock: Arc<dyn Clock>,
    /// That of the wall.
    pub wall: fn() -> SystemTime,
}

/// Tells a broker of all sources.
pub struct Herald {
    parts: HeraldParts,
    topics: MqttTopics,
    bulletin: Bulletin,
    begun: Instant,
    line: BrokerLine,
    redial: Redial,
    /// What the log was last told.
    said: Option<Discriminant<LinkError>>,
}

/// How it stands with the broker.
enum BrokerLine {
    /// Nobody is there until then.
    Down { again: Instant },
    /// A connection: begun, or in use since then.
    Link {
        link: Box<dyn BrokerLink>,
        up: Option<Instant>,
        /// Whether the broker has heard that this board is online.
        greeted: bool,
    },
}

impl Herald {
    /// Has told nothing yet.
    pub fn new(plan: &MqttPlan, parts: HeraldParts) -> Self {
        let begun = parts.clock.now();
        Self {
            topics: plan.topics.clone(),
            bulletin: Bulletin::new(plan.topics.clone(), plan.between_results),
            begun,
            line: BrokerLine::Down { again: begun },
            redial: Redial::new(&plan.client_id),
            said: None,
            parts,
        }
    }

    /// Looks at all sources, and tells what is due, or dials if it is time to; when the next turn is.
    pub fn tell(&mut self) -> Instant {
        let now = self.parts.clock.now();
        let sources = self.parts.studio.all();
        let views = self.bulletin.look(&sources);
        match &mut self.line {
            BrokerLine::Down { again } if *again <= now => self.dial(),
            BrokerLine::Down { .. } | BrokerLine::Link { up: None, .. } => {}
            BrokerLine::Link {
                link,
                up: Some(_),
                greeted,
            } => {
                let moment = self.parts.moment();
                let meter = &self.parts.meter;
                let mut offer = |message| offer(link.as_mut(), meter, message);
                let hello = || MqttMessage::online(&self.topics, self.begun, moment);
                *greeted = *greeted || offer(hello());
                if *greeted {
                    self.bulletin.tell(&sources, &views, moment, &mut offer);
                }
            }
        }
        now + LOOK
    }

    /// Hears what becomes of the connection until then.
    pub fn hear(&mut self, until: Instant) {
        loop {
            let news = match &mut self.line {
                BrokerLine::Down { .. } => {
                    return self.parts.clock.wait(until, &Bell::default());
                }
                BrokerLine::Link { link, .. } => link.next(until),
            };
            match news {
                None => return,
                Some(LinkNews::Sent) => self.parts.meter.published(),
                Some(LinkNews::Lost(error)) => self.lost(&error),
                Some(LinkNews::Up) => {
                    self.came_up();
                    // It is to hear at once how things are.
                    return;
                }
            }
        }
    }

    /// Takes leave: no source is watched any more, and the service is offline. Whether the broker, if it is there, has heard all.
    pub fn end(mut self, until: Instant) -> bool {
        let moment = self.parts.moment();
        let BrokerLine::Link {
            mut link,
            up: Some(_),
            ..
        } = self.line
        else {
            return true;
        };
        let meter = &self.parts.meter;
        let mut offer = |message| offer(link.as_mut(), meter, message);
        let all = self.bulletin.tell_all_ended(moment, &mut offer)
            && offer(MqttMessage::offline(&self.topics, OfflineReason::Stopped));
        let left = link.close(until);
        meter.connected(false);
        all && left
    }

    fn dial(&mut self) {
        match self.parts.broker.dial() {
            Ok(link) => {
                self.line = BrokerLine::Link {
                    link,
                    up: None,
                    greeted: false,
                }
            }
            Err(error) => self.lost(&error),
        }
    }

    fn came_up(&mut self) {
        if let BrokerLine::Link { up, .. } = &mut self.line {
            *up = Some(self.parts.clock.now());
        }
        self.said = None;
        self.parts.meter.connected(true);
        tracing::info!(
            "MQTT: the broker is told of live sources under {}",
            self.topics
        );
    }

    fn lost(&mut self, error: &LinkError) {
        let now = self.parts.clock.now();
        let up = match &self.line {
            BrokerLine::Link { up: Some(up), .. } => now.saturating_duration_since(*up),
            _ => Duration::ZERO,
        };
        let again = now + self.redial.pause(up);
        self.line = BrokerLine::Down { again };
        self.bulletin.forget();
        self.parts.meter.connected(false);
        // Once for each change: it may be away for days.
        let kind = discriminant(error);
        if self.said.replace(kind) != Some(kind) {
            tracing::warn!("MQTT: the broker is tried again and again: {error}");
        }
    }
}

impl HeraldParts {
    fn moment(&self) -> WallMoment {
        WallMoment {
            now: self.clock.now(),
            utc: (self.wall)(),
        }
    }
}

/// What is too long is taken and left out: there will never be room for it.
fn offer(link: &mut dyn BrokerLink, meter: &MqttMeter, message: MqttMessage) -> bool {
    let fits = message.payload.len() <= MOST_BYTES;
    let taken = fits && link.offer(message);
    if !taken {
        meter.left_out();
    }
    taken || !fits
}
