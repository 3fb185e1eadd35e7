//! What may be shown now: a function of what is known and of the time, and of nothing else.
//!
//! Nobody has to notice that something stopped: whoever looks, asks the time, and what is too old has become so by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

/// What a viewer is to be told, in one word. Only with [`State::Mask`] is there a mask to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No picture has been answered yet, and none is late.
    Starting,
    /// There is a mask, no older than the budget.
    Mask,
    /// The model marks nothing, or says that nothing is there.
    NothingFound,
    /// The model marks something that is not to be relied upon, or is unsure whether anything is there.
    Unsure,
    /// The picture does not look like its modality.
    WrongModality,
    /// Pictures come, but none was answered within the budget.
    Stale,
    /// Pictures are answered, but later than the budget allows.
    Overload,
    /// No pictures come.
    NoSignal,
    /// The model cannot be used.
    ModelFault,
    /// The source is over, as a file is.
    Ended,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Starting,
        Self::Mask,
        Self::NothingFound,
        Self::Unsure,
        Self::WrongModality,
        Self::Stale,
        Self::Overload,
        Self::NoSignal,
        Self::ModelFault,
        Self::Ended,
    ];

    /// As in JSON: `nothing-found`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Mask => "mask",
            Self::NothingFound => "nothing-found",
            Self::Unsure => "unsure",
            Self::WrongModality => "wrong-modality",
            Self::Stale => "stale",
            Self::Overload => "overload",
            Self::NoSignal => "no-signal",
            Self::ModelFault => "model-fault",
            Self::Ended => "ended",
        }
    }

    /// As written over a picture; a mask speaks for itself.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Mask => "",
            Self::NothingFound => "NOTHING FOUND",
            Self::Unsure => "UNSURE",
            Self::WrongModality => "WRONG MODALITY",
            Self::Stale => "STALE",
            Self::Overload => "OVERLOAD",
            Self::NoSignal => "NO SIGNAL",
            Self::ModelFault => "MODEL FAULT",
            Self::Ended => "ENDED",
        }
    }

    /// Whether it is the model's answer to the picture that is shown with it; otherwise something is amiss.
    #[must_use]
    pub fn is_answer(self) -> bool {
        matches!(
            self,
            Self::Mask | Self::NothingFound | Self::Unsure | Self::WrongModality
        )
    }
}

/// As [`State::name`].
impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The model's answer to a picture, the safer the later: what is withheld misleads nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A mask to be shown.
    Mask,
    /// One that is not to be relied upon.
    Unsure,
    /// An empty one.
    NothingFound,
    /// The picture does not look like its modality.
    WrongModality,
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Mask => Self::Mask,
            Verdict::NothingFound => Self::NothingFound,
            Verdict::Unsure => Self::Unsure,
            Verdict::WrongModality => Self::WrongModality,
        }
    }
}

/// How the source does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Being opened for the first time.
    Opening,
    /// Open; whether pictures come tells [`Standing::seen`].
    Up,
    /// It says itself that nothing is connected.
    Absent,
    /// Lost, and opened anew again and again; why.
    Lost(Arc<str>),
    /// Over.
    Ended,
    /// Never to be used as it was asked for; why.
    Unusable(Arc<str>),
}

/// How long what may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivePatience {
    /// The oldest a mask may be, from its picture's capture.
    pub budget: Duration,
    /// Without a picture for so long there is no signal.
    pub signal: Duration,
    /// A model gets so long for its first answer.
    pub first: Duration,
}

/// What is known of a source and of the model's answers to it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// When it was begun, or the model last asked for something else.
    pub begun: Instant,
    /// How the source does.
    pub signal: Signal,
    /// When the newest picture came in.
    pub seen: Option<Instant>,
    /// Why the model cannot be used, by its own word.
    pub unready: Option<Arc<str>>,
    /// Why the model gave the last picture no answer.
    pub refused: Option<Arc<str>>,
    /// The newest answer: to a picture of that time. Never later than it came in.
    pub answer: Option<(Instant, Verdict)>,
    /// When an answer last came too late, or was not even begun for that.
    pub late: Option<Instant>,
}

impl Standing {
    /// Nothing known yet.
    #[must_use]
    pub fn new(begun: Instant) -> Self {
        Self {
            begun,
            signal: Signal::Opening,
            seen: None,
            unready: None,
            refused: None,
            answer: None,
            late: None,
        }
    }

    /// What may be shown at that time.
    #[must_use]
    pub fn state(&self, now: Instant, patience: &LivePatience) -> State {
        let within = |then: Instant, limit| now.saturating_duration_since(then) <= limit;
        match self.signal {
            Signal::Ended => return State::Ended,
            Signal::Absent | Signal::Lost(_) | Signal::Unusable(_) => return State::NoSignal,
            Signal::Opening | Signal::Up => {}
        }
        if !within(self.seen.unwrap_or(self.begun), patience.signal) {
            return State::NoSignal;
        }
        if self.unready.is_some() || self.refused.is_some() {
            return State::ModelFault;
        }
        match self.answer {
            Some((captured, verdict)) if within(captured, patience.budget) => verdict.into(),
            None if within(self.begun, patience.first) => State::Starting,
            _ if self.late.is_some_and(|late| within(late, patience.budget)) => State::Overload,
            _ => State::Stale,
        }
    }

    /// When the state will be another one, if nothing comes until then.
    #[must_use]
    pub fn next_change(&self, now: Instant, patience: &LivePatience) -> Option<Instant> {
        let ends = [
            Some(self.seen.unwrap_or(self.begun) + patience.signal),
            self.answer.map(|(captured, _)| captured + patience.budget),
            self.late.map(|late| late + patience.budget),
            self.answer.is_none().then(|| self.begun + patience.first),
        ];
        // At its end a time is still within its limit.
        let after = |end: Instant| end + Duration::from_nanos(1);
        ends.into_iter()
            .flatten()
            .map(after)
            .filter(|end| *end > now)
            .min()
    }

    /// Why the state is what it is, where there is more to say than its word.
    #[must_use]
    pub fn detail(&self, state: State) -> Option<Arc<str>> {
        match (&self.signal, state) {
            (Signal::Absent, State::NoSignal) => Some("nothing is connected to the device".into()),
            (Signal::Lost(why) | Signal::Unusable(why), State::NoSignal) => Some(why.clone()),
            (_, State::NoSignal) => Some("the source sends no pictures".into()),
            (_, State::ModelFault) => self.unready.clone().or_else(|| self.refused.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: LivePatience = LivePatience {
        budget: Duration::from_millis(400),
        signal: Duration::from_millis(1000),
        first: Duration::from_millis(5000),
    };

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn what_stops_is_told_by_the_time_alone() {
        let start = Instant::now();
        let mut standing = Standing::new(start);
        let state = |standing: &Standing, ms| standing.state(at(start, ms), &PATIENCE);
        assert_eq!(state(&standing, 1000), State::Starting);
        assert_eq!(state(&standing, 1001), State::NoSignal);
        standing.signal = Signal::Up;
        standing.seen = Some(at(start, 2000));
        assert_eq!(state(&standing, 2001), State::Starting);
        standing.answer = Some((at(start, 2000), Verdict::Mask));
        assert_eq!(state(&standing, 2400), State::Mask);
        assert_eq!(state(&standing, 2401), State::Stale);
        standing.late = Some(at(start, 2300));
        assert_eq!(state(&standing, 2401), State::Overload);
        assert_eq!(state(&standing, 2701), State::Stale);
        assert_eq!(state(&standing, 3001), State::NoSignal);
        standing.seen = Some(at(start, 9000));
        standing.answer = None;
        assert_eq!(state(&standing, 9000), State::Stale);
        standing.unready = Some("its file is damaged".into());
        assert_eq!(state(&standing, 9000), State::ModelFault);
        standing.signal = Signal::Lost("unplugged".into());
        assert_eq!(state(&standing, 9000), State::NoSignal);
        assert_eq!(
            standing.detail(State::NoSignal).as_deref(),
            Some("unplugged")
        );
    }

    #[test]
    fn every_state_has_a_name_and_words_of_its_own() {
        for (i, state) in State::ALL.iter().enumerate() {
            assert_eq!(state.words().is_empty(), *state == State::Mask);
            for other in &State::ALL[i + 1..] {
                assert_ne!(state.name(), other.name());
                assert_ne!(state.words(), other.words());
            }
        }
    }

    proptest! {
        #[test]
        fn between_its_changes_a_state_stays(
            seen in prop::option::of(0_u64..3000),
            answer in prop::option::of(0_u64..3000),
            late in prop::option::of(0_u64..3000),
            now in 0_u64..4000,
        ) {
            let start = Instant::now();
            let standing = Standing {
                signal: Signal::Up,
                seen: seen.map(|ms| at(start, ms)),
                answer: answer.map(|ms| (at(start, ms), Verdict::Mask)),
                late: late.map(|ms| at(start, ms)),
                ..Standing::new(start)
            };
            let from = at(start, now);
            let state = standing.state(from, &PATIENCE);
            let until = standing.next_change(from, &PATIENCE).unwrap_or(at(start, 60_000));
            let just_before = until - Duration::from_nanos(1);
            prop_assert_eq!(standing.state(just_before, &PATIENCE), state);
            let old = answer.is_none_or(|ms| now > ms + 400);
            prop_assert!(!(old && state == State::Mask));
        }
    }
}
