use serde::Deserialize;

use picture::mask::presence::PresenceBounds;

/// A [`PresenceBounds`], each a score of 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresenceSpec {
    /// Nothing is there below this score: the mask is emptied.
    pub absent_below: f32,
    /// Something is from this score on; between them the mask is marked as doubtful.
    pub present_from: f32,
}

impl PresenceSpec {
    /// As it is judged by.
    #[must_use]
    pub fn bounds(&self) -> PresenceBounds {
        PresenceBounds {
            absent_below: self.absent_below,
            present_from: self.present_from,
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let Self {
            absent_below,
            present_from,
        } = *self;
        let score = |value: &f32| (0.0..=1.0).contains(value);
        if ![absent_below, present_from].iter().all(score) || absent_below > present_from {
            return Err(format!(
                "presence: expected 0 <= absent_below <= present_from <= 1, found {absent_below} and {present_from}"
            ));
        }
        Ok(())
    }
}
