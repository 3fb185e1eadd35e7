//! How a live source is to be treated.

use std::time::Duration;

use picture::scale::Scale;
use picture::segmenter::{Ask, LaneSpec};

use crate::clip::ClipBounds;
use crate::state::LivePatience;
use crate::steady::Insistence;

/// How a live source is to be treated.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveSettings {
    /// How long what may take.
    pub patience: LivePatience,
    /// How large a pixel of its pictures is.
    pub scale: Scale,
    /// A model that takes less time, for when the board is too slow; `None`: the same.
    pub small_model: Option<String>,
    /// A mask of a lower confidence is not shown, 0..=1.
    pub unsure_below: f32,
    /// How long an answer must insist until a mask is withheld that was shown; and until one is shown that was withheld.
    pub insistence: [Insistence; 2],
    /// Whether masks are steadied by those before them; if not, each is what the still path gives, bit for bit.
    pub steady: bool,
    /// Pictures that have been equal for so long are told of.
    pub still_after: Duration,
    /// So much of the past is kept, to be saved when somebody asks ([`crate::Session::clip`]); `None`: nothing. Then each
    /// picture is made a JPEG and back before it is shown: the model is asked about what the clip has.
    pub clip: Option<ClipBounds>,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            patience: LivePatience {
                budget: Duration::from_millis(400),
                signal: Duration::from_millis(1000),
                first: Duration::from_secs(5),
            },
            scale: Scale::Unknown,
            small_model: None,
            unsure_below: 0.5,
            // At 30 frames a second a tenth and a sixth of a second; of slow sources two frames.
            insistence: [(3, 150), (5, 250)].map(|(times, ms)| Insistence {
                times,
                lasting: Duration::from_millis(ms),
            }),
            steady: true,
            still_after: Duration::from_secs(3),
            clip: None,
        }
    }
}

impl LiveSettings {
    /// What a lane is asked for: masks also of what looks like another modality, as its frames are judged together.
    #[must_use]
    pub fn lane(&self, ask: Ask) -> LaneSpec {
        LaneSpec {
            ask: Ask {
                on_mismatch: picture::segmenter::OnMismatch::Keep,
                ..ask
            },
            stale_after: Some(self.patience.budget),
        }
    }
}
