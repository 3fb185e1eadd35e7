//! What the broker has been told of each source, and what is due. No thread, no lock, no network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use live::{LiveView, PaceReason, PaceStep, Session, State};

use crate::message::{MqttMessage, ReportedSource, WallMoment};
use crate::topics::MqttTopics;

/// A state that stays is told again so often, so that who reads it sees that it is alive.
const REPEAT: Duration = Duration::from_secs(10);

/// Takes a message, if there is room for it; whether there was.
pub type OfferMessage<'a> = dyn FnMut(MqttMessage) -> bool + 'a;

/// What was told of all sources. It grows by what was taken alone, so there are never more entries than sources at two looks.
pub struct Bulletin {
    topics: MqttTopics,
    between_results: Option<Duration>,
    entries: BTreeMap<String, BulletinEntry>,
}

/// What is known, and was told, of a source.
struct BulletinEntry {
    /// Which source of that name it is.
    number: u64,
    modality: String,
    budget: Duration,
    state: State,
    /// When it was first seen in that state.
    since: Instant,
    /// Whether the broker has ever been told of it: then it has to hear of its end too.
    was_told: bool,
    /// What it was last told on this connection, and when.
    told: Option<(ToldState, Instant)>,
    /// The number of the answer that was last told, and when.
    result: Option<(u64, Instant)>,
}

/// What, if it changes, is told at once.
#[derive(Clone, PartialEq)]
struct ToldState {
    state: State,
    frozen: bool,
    hidden: bool,
    step: PaceStep,
    reason: Option<PaceReason>,
    modality: String,
}

impl Bulletin {
    /// Nothing was told yet.
    pub fn new(topics: MqttTopics, between_results: Option<Duration>) -> Self {
        Self {
            topics,
            between_results,
            entries: BTreeMap::new(),
        }
    }

    /// Looks at all sources; tells nothing.
    pub fn look(&mut self, sources: &[(String, Arc<Session>)]) -> Vec<LiveView> {
        let look = |(name, session): &(String, Arc<Session>)| {
            let view = session.look();
            self.saw(name, session, &view);
            view
        };
        let views = sources.iter().map(look).collect();
        // What nobody was told of, nobody has to hear the end of.
        let is_there = |name: &String| sources.iter().any(|(there, _)| there == name);
        (self.entries).retain(|name, entry| entry.was_told || is_there(name));
        views
    }

    fn saw(&mut self, name: &str, session: &Session, view: &LiveView) {
        let before = self.entries.remove(name);
        let mut entry = BulletinEntry {
            number: session.number(),
            modality: session.asked().modality.to_string(),
            budget: session.settings().patience.budget,
            state: view.state,
            since: view.now,
            was_told: false,
            told: None,
            result: None,
        };
        if let Some(before) = before {
            entry.was_told = before.was_told;
            if before.number == entry.number {
                (entry.told, entry.result) = (before.told, before.result);
                if before.state == entry.state {
                    entry.since = before.since;
                }
            }
        }
        self.entries.insert(name.into(), entry);
    }

    /// Offers what is due, until there is no room: of each source that was looked at, and the end of those that are there no
    /// more. What is not taken is due again the next time, as it is then. Whether all was taken.
    pub fn tell(
        &mut self,
        sources: &[(String, Arc<Session>)],
        views: &[LiveView],
        moment: WallMoment,
        offer: &mut OfferMessage<'_>,
    ) -> bool {
        self.tell_ends(sources, moment, offer)
            && (sources.iter().zip(views))
                .all(|((name, session), view)| self.tell_one(name, session, view, moment, offer))
    }

    fn tell_one(
        &mut self,
        name: &str,
        session: &Session,
        view: &LiveView,
        moment: WallMoment,
        offer: &mut OfferMessage<'_>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(name) else {
            return true;
        };
        let source = ReportedSource {
            name,
            modality: &entry.modality,
            budget: entry.budget,
        };
        if let Some(told) = entry.state_due(view) {
            let message = MqttMessage::state(&self.topics, source, view, entry.since, moment);
            if !offer(message) {
                return false;
            }
            (entry.was_told, entry.told) = (true, Some((told, view.now)));
        }
        let between = self.between_results;
        let Some(number) = between.and_then(|between| entry.result_due(view, between)) else {
            return true;
        };
        let message = MqttMessage::result(&self.topics, source, view, moment);
        // To measure a mask takes its time: it may have grown too old meanwhile.
        let message = message.filter(|_| view.holds(&session.look(), entry.budget));
        let Some(message) = message else {
            return true;
        };
        let taken = offer(message);
        if taken {
            entry.result = Some((number, view.now));
        }
        taken
    }

    /// Tells that those sources are watched no more that are not among these.
    fn tell_ends(
        &mut self,
        sources: &[(String, Arc<Session>)],
        moment: WallMoment,
        offer: &mut OfferMessage<'_>,
    ) -> bool {
        let is_there = |name: &String| sources.iter().any(|(there, _)| there == name);
        let gone: Vec<String> = (self.entries.keys().filter(|name| !is_there(name)))
            .cloned()
            .collect();
        gone.iter().all(|name| self.tell_end(name, moment, offer))
    }

    fn tell_end(&mut self, name: &str, moment: WallMoment, offer: &mut OfferMessage<'_>) -> bool {
        let Some(entry) = self.entries.get(name).filter(|entry| entry.was_told) else {
            return true;
        };
        let source = ReportedSource {
            name,
            modality: &entry.modality,
            budget: entry.budget,
        };
        let taken = offer(MqttMessage::ended(&self.topics, source, moment));
        if taken {
            self.entries.remove(name);
        }
        taken
    }

    /// Tells that nothing is watched any more.
    pub fn tell_all_ended(&mut self, moment: WallMoment, offer: &mut OfferMessage<'_>) -> bool {
        self.tell_ends(&[], moment, offer)
    }

    /// The connection was lost, and nobody knows what was heard: all is due again.
    pub fn forget(&mut self) {
        for entry in self.entries.values_mut() {
            entry.told = None;
        }
    }
}

impl BulletinEntry {
    /// What is to be told of the state, if anything is.
    fn state_due(&self, view: &LiveView) -> Option<ToldState> {
        let now = ToldState {
            state: view.state,
            frozen: view.frozen.is_some(),
            hidden: view.hidden,
            step: view.step,
            reason: view.reason,
            modality: self.modality.clone(),
        };
        let known = self.told.as_ref().is_some_and(|(told, at)| {
            *told == now && view.now.saturating_duration_since(*at) < REPEAT
        });
        (!known).then_some(now)
    }

    /// The number of the answer that is to be told, if one is.
    fn result_due(&self, view: &LiveView, between: Duration) -> Option<u64> {
        view.masked()?;
        let number = view.answer.as_ref()?.number;
        let due = self.result.is_none_or(|(told, at)| {
            told != number && view.now.saturating_duration_since(at) >= between
        });
        due.then_some(number)
    }
}
