//! What is published: small JSON objects, each with the notice. No picture and no shape of a mask is in them, nor whose they
//! are; nor why a source is lost, which may name a file or an address.

use std::time::{Duration, Instant, SystemTime};

use live::{LiveView, PaceReason, PaceStep, State};
use picture::NOTICE;
use picture::report::{Report, told};
use picture::segmenter::millis;
use picture::utc::Utc;
use serde::Serialize;

use crate::topics::MqttTopics;

/// Most bytes of a payload; what would be longer is not published.
pub const MOST_BYTES: usize = 8 * 1024;
/// What the program is.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Something to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttMessage {
    /// Its topic.
    pub topic: String,
    /// JSON.
    pub payload: Vec<u8>,
    /// How it is published.
    pub delivery: MqttDelivery,
}

/// How something is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttDelivery {
    /// At least once (QoS 1), and the broker keeps it for who comes later.
    Retained,
    /// At most once (QoS 0), to who listens now.
    Passing,
}

/// Why a board is offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OfflineReason {
    /// The service was ended.
    Stopped,
    /// The broker hears nothing more: its last will.
    Lost,
}

/// Whether the service runs.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum ServiceStatus {
    Online { since: String },
    Offline { reason: OfflineReason },
}

#[derive(Serialize)]
struct OnlineMessage {
    notice: &'static str,
    version: &'static str,
    #[serde(flatten)]
    status: ServiceStatus,
}

/// What may be shown of a source; the same words as in the HTTP API's `LiveReport`.
#[derive(Serialize)]
struct StateMessage<'a> {
    notice: &'static str,
    source: &'a str,
    /// When this was so.
    at: String,
    /// Since when the state is this one, as far as was seen.
    since: String,
    state: State,
    frozen: bool,
    hidden: bool,
    /// How old the picture is that is shown, milliseconds; null: there is none.
    age_ms: Option<f64>,
    budget_ms: f64,
    step: PaceStep,
    step_reason: Option<PaceReason>,
    rate: StateRates,
    modality: &'a str,
}

/// How many come in a second.
#[derive(Serialize)]
struct StateRates {
    captured: f64,
    segmented: f64,
}

/// A mask's figures, while it may be shown.
#[derive(Serialize)]
struct ResultMessage<'a> {
    notice: &'static str,
    source: &'a str,
    at: String,
    state: State,
    /// Number of the model's answer, from 1.
    update: u64,
    /// Number of the picture that this is about.
    sequence: u64,
    /// When that was taken.
    captured_at: String,
    age_ms: Option<f64>,
    budget_ms: f64,
    frozen: bool,
    hidden: bool,
    /// As in the HTTP API, without the mask.
    result: Report,
}

/// A moment, by the clock that ages go by and by that of the wall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallMoment {
    /// The one.
    pub now: Instant,
    /// The other.
    pub utc: SystemTime,
}

impl WallMoment {
    /// What the wall's clock showed then, by this moment's account.
    fn wall(&self, then: Instant) -> String {
        let ago = self.now.saturating_duration_since(then);
        let then = self.utc.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
        Utc::new(then).extended()
    }
}

/// What is watched, and how it is treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportedSource<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the model is asked.
    pub modality: &'a str,
    /// The oldest that a mask may be.
    pub budget: Duration,
}

impl MqttMessage {
    /// The service runs, and has since then.
    pub(crate) fn online(topics: &MqttTopics, since: Instant, moment: WallMoment) -> Self {
        let since = moment.wall(since);
        Self::status(topics, ServiceStatus::Online { since })
    }

    /// The service runs no more.
    pub(crate) fn offline(topics: &MqttTopics, reason: OfflineReason) -> Self {
        Self::status(topics, ServiceStatus::Offline { reason })
    }

    fn status(topics: &MqttTopics, status: ServiceStatus) -> Self {
        let message = OnlineMessage {
            notice: NOTICE,
            version: VERSION,
            status,
        };
        Self::new(topics.status(), &message, MqttDelivery::Retained)
    }

    /// What may be shown of a source at that moment, and since when.
    pub(crate) fn state(
        topics: &MqttTopics,
        source: ReportedSource<'_>,
        view: &LiveView,
        since: Instant,
        moment: WallMoment,
    ) -> Self {
        let message = StateMessage {
            notice: NOTICE,
            source: source.name,
            at: moment.wall(view.now),
            since: moment.wall(since),
            state: view.state,
            frozen: view.frozen.is_some(),
            hidden: view.hidden,
            age_ms: view.age().map(millis),
            budget_ms: millis(source.budget),
            step: view.step,
            step_reason: view.reason,
            rate: StateRates {
                captured: view.rates.captured,
                segmented: view.rates.segmented,
            },
            modality: source.modality,
        };
        let topic = topics.state(source.name);
        Self::new(topic, &message, MqttDelivery::Retained)
    }

    /// A source is watched no more.
    pub(crate) fn ended(
        topics: &MqttTopics,
        source: ReportedSource<'_>,
        moment: WallMoment,
    ) -> Self {
        let message = StateMessage {
            notice: NOTICE,
            source: source.name,
            at: moment.wall(moment.now),
            since: moment.wall(moment.now),
            state: State::Ended,
            frozen: false,
            hidden: false,
            age_ms: None,
            budget_ms: millis(source.budget),
            step: PaceStep::Full,
            step_reason: None,
            rate: StateRates {
                captured: 0.0,
                segmented: 0.0,
            },
            modality: source.modality,
        };
        let topic = topics.state(source.name);
        Self::new(topic, &message, MqttDelivery::Retained)
    }

    /// The figures of the mask that may be shown at that moment; `None` if none may.
    pub(crate) fn result(
        topics: &MqttTopics,
        source: ReportedSource<'_>,
        view: &LiveView,
        moment: WallMoment,
    ) -> Option<Self> {
        let (segmentation, answer) = (view.masked()?, view.answer.as_ref()?);
        let picture = view.picture.as_ref()?;
        let message = ResultMessage {
            notice: NOTICE,
            source: source.name,
            at: moment.wall(view.now),
            state: view.state,
            update: answer.number,
            sequence: picture.sequence,
            captured_at: moment.wall(picture.captured),
            age_ms: view.age().map(millis),
            budget_ms: millis(source.budget),
            frozen: view.frozen.is_some(),
            hidden: view.hidden,
            result: told(segmentation),
        };
        let topic = topics.result(source.name);
        Some(Self::new(topic, &message, MqttDelivery::Passing))
    }

    fn new(topic: String, message: &impl Serialize, delivery: MqttDelivery) -> Self {
        Self {
            topic,
            // Plain records with names for keys: there is nothing that could not be written.
            payload: serde_json::to_vec(message).unwrap_or_default(),
            delivery,
        }
    }
}
