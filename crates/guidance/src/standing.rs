//! What a source's view comes to for somebody far away, who lays what is sent over pictures of their own.

use igtl::StatusCode;
use live::{LiveView, State};

/// What is to be told of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// As the viewer has it.
    As(State),
    /// A person holds what there was to see. The viewer shows that with its own picture; a mask that is held would be laid over
    /// pictures that go on.
    Frozen,
    /// A person wants no mask drawn.
    Hidden,
}

impl LinkState {
    /// Of a view.
    pub fn of(view: &LiveView) -> Self {
        match view.state {
            state if view.frozen.is_some() && state.is_answer() => Self::Frozen,
            State::Mask if view.hidden => Self::Hidden,
            state => Self::As(state),
        }
    }

    /// Whether the mask may be sent.
    pub fn shows_mask(self) -> bool {
        self == Self::As(State::Mask)
    }

    /// In a word, as the API has it: `no-signal`.
    pub fn name(self) -> &'static str {
        match self {
            Self::As(state) => state.name(),
            Self::Frozen => "frozen",
            Self::Hidden => "mask-hidden",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::As(State::Mask) => "MASK",
            Self::As(state) => state.words(),
            Self::Frozen => "FROZEN",
            Self::Hidden => "MASK HIDDEN",
        }
    }

    /// By the protocol's numbers; what is meant exactly says the name. Ok is only where there is a mask.
    pub fn code(self) -> StatusCode {
        match self {
            Self::As(State::Mask) => StatusCode::Ok,
            Self::As(State::Starting) => StatusCode::NotReady,
            Self::As(State::NothingFound) => StatusCode::NotFound,
            Self::As(State::Unsure) => StatusCode::Unknown,
            Self::As(State::WrongModality) => StatusCode::Configuration,
            Self::As(State::Stale) => StatusCode::TimeOut,
            Self::As(State::Overload) => StatusCode::Busy,
            Self::As(State::NoSignal) => StatusCode::NotPresent,
            Self::As(State::ModelFault) => StatusCode::Failure,
            Self::As(State::Ended) => StatusCode::ShutDown,
            Self::Frozen | Self::Hidden => StatusCode::Manual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mask_is_well_and_every_state_has_its_own_name() {
        let all = State::ALL.map(LinkState::As);
        let all = [&all[..], &[LinkState::Frozen, LinkState::Hidden]].concat();
        let mut names: Vec<&str> = all.iter().map(|state| state.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for state in all {
            let is_mask = state == LinkState::As(State::Mask);
            assert_eq!(state.code() == StatusCode::Ok, is_mask, "{state:?}");
            assert_eq!(state.shows_mask(), is_mask, "{state:?}");
            assert!(!state.words().is_empty() && state.name().len() <= 20);
        }
    }
}
