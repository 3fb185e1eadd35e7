//! Whether anything is there to be marked at all, by the network's own word. A network that has learned from pictures with
//! a target alone marks something on every picture.

use serde::Serialize;

/// Whether a picture shows anything of what its modality's masks mark.
// The words are those of the OpenAPI document.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Presence {
    /// The network's score, 0..=1: the higher, the more likely something is there.
    pub score: f32,
    /// What follows from it.
    pub state: PresenceState,
}

/// What follows from a presence score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PresenceState {
    /// Something is there: the mask says where.
    Present,
    /// Something may be there: the mask says where it would be.
    Unsure,
    /// Nothing is there: the mask is empty, whatever the logits say.
    Absent,
}

/// From score to state, chosen on validation pictures for each modality (`models/README.md`, "Presence").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PresenceBounds {
    /// Nothing is there below this score.
    pub absent_below: f32,
    /// Something is from this score on; no less than the other.
    pub present_from: f32,
}

impl PresenceBounds {
    /// Of the network's logit: the score is its sigmoid, in double precision with a portable exponential.
    #[must_use]
    pub fn judge(&self, logit: f32) -> Presence {
        let score = (1.0 / (1.0 + libm::exp(-f64::from(logit)))) as f32;
        let state = if score >= self.present_from {
            PresenceState::Present
        } else if score < self.absent_below {
            PresenceState::Absent
        } else {
            PresenceState::Unsure
        };
        Presence { score, state }
    }
}

impl Presence {
    /// The Dice to be expected of a mask that would have `dice` if its target is there. Where it may not be, a mask of
    /// nothing is among what is to be expected, and has 0.
    #[must_use]
    pub fn tempered(&self, dice: f32) -> f32 {
        match self.state {
            PresenceState::Present => dice,
            PresenceState::Unsure | PresenceState::Absent => dice * self.score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: PresenceBounds = PresenceBounds {
        absent_below: 0.2,
        present_from: 0.8,
    };

    #[test]
    fn a_logit_is_a_score_and_a_state() {
        let l = 3_f32.ln(); // probability 0.75
        for (logit, score, state) in [
            (-9.0, 1.234e-4, PresenceState::Absent),
            (-l, 0.25, PresenceState::Unsure),
            (0.0, 0.5, PresenceState::Unsure),
            (l, 0.75, PresenceState::Unsure),
            (2.0, 0.880_797, PresenceState::Present),
        ] {
            let found = BOUNDS.judge(logit);
            assert!((found.score - score).abs() < 1e-6, "{logit}: {found:?}");
            assert_eq!(found.state, state, "{logit}");
        }
    }

    #[test]
    fn what_lies_on_a_bound_is_not_beyond_it() {
        let at = |absent_below, present_from| {
            let bounds = PresenceBounds {
                absent_below,
                present_from,
            };
            bounds.judge(0.0).state
        };
        assert_eq!(at(0.5, 0.6), PresenceState::Unsure);
        assert_eq!(at(0.5, 0.5), PresenceState::Present);
        assert_eq!(at(0.0, 0.0), PresenceState::Present);
        assert_eq!(at(0.6, 0.6), PresenceState::Absent);
    }

    #[test]
    fn doubt_never_raises_what_is_expected() {
        for logit in [-9.0, -0.5, 0.5, 9.0] {
            let presence = BOUNDS.judge(logit);
            let expected = presence.tempered(0.8);
            let certain = presence.state == PresenceState::Present;
            assert!(expected <= 0.8 && certain == (expected == 0.8), "{logit}");
        }
    }
}
