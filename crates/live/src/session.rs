//! A source, watched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::frame::Frame;
use picture::frame::PixelRect;
use picture::scale::Scale;
use picture::segmenter::{Ask, Clock, EngineError, Segmenter};
use video::prepare::SurroundCrop;
use video::source::Opener;
use video::surround::SurroundProposal;
use video::viewfinder::{AimError, Prepared, Viewfinder};

use crate::announce::announce;
use crate::capture::capture;
use crate::clip::LiveClip;
use crate::condition::BoardStrain;
use crate::core::Core;
use crate::ears::Listener;
use crate::error::LiveError;
use crate::observer::Observer;
use crate::settings::LiveSettings;
use crate::spec::SessionSpec;
use crate::surround::{SurroundSighting, find_surround, propose_first};
use crate::view::LiveView;

/// A source that is watched: two threads, one that takes its pictures and one that makes answers of what the model gave; for a
/// while a third, if a surround is to be proposed. Dropping it ends both; a source that does not return keeps its thread until it does.
pub struct Session {
    number: u64,
    begun: Instant,
    core: Arc<Core>,
    opener: Arc<dyn Opener>,
}

impl Session {
    /// Watches a source from now on, by the same clock as the engine's. The number tells it from all others.
    ///
    /// # Errors
    /// [`LiveError::Thread`]. That there is no source, or no model, is a state.
    pub fn begin(
        number: u64,
        spec: SessionSpec,
        segmenter: Arc<dyn Segmenter>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LiveError> {
        let SessionSpec {
            opener,
            view,
            ask,
            settings,
        } = spec;
        let viewfinder = Viewfinder::new(view, segmenter.limits());
        let session = Self {
            number,
            begun: clock.now(),
            core: Core::new(segmenter, clock, settings, ask, viewfinder.clone()),
            opener: Arc::new(Prepared { opener, viewfinder }),
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let (core, opener) = (session.core.clone(), session.opener.clone());
        thread("live-capture").spawn(move || capture(&core, opener.as_ref()))?;
        let core = session.core.clone();
        thread("live-announce").spawn(move || announce(&core))?;
        if view.crop == Some(SurroundCrop::Auto) && view.region.is_none() {
            let core = session.core.clone();
            thread("live-surround").spawn(move || propose_first(&core))?;
        }
        Ok(session)
    }

    /// Its number among all sources of this process.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was begun.
    #[must_use]
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Watches it no more. What was seen last stays to be seen, and ages.
    pub fn end(&self) {
        self.core.stop();
    }

    /// Whether it was ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.core.is_stopped()
    }

    /// What there is to see now.
    #[must_use]
    pub fn look(&self) -> LiveView {
        self.core.look()
    }

    /// Has a listener told of every answer and every change of state, as long as somebody holds it.
    pub fn listen(&self, listener: &Arc<dyn Listener>) {
        self.core.ears.add(listener);
    }

    /// Has an observer hear of every answer from now on, as long as somebody holds it.
    pub fn observe(&self, observer: &Arc<dyn Observer>) {
        self.core.observers.add(observer);
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.core.ears.count()
    }

    /// Holds what there is to see now ([`LiveView::frozen`]) or lets it go.
    pub fn freeze(&self, frozen: bool) {
        self.core.freeze(frozen);
    }

    /// Has no mask drawn over its pictures, for nobody who looks, and that is said upon them ([`LiveView::hidden`]); or has
    /// them drawn again.
    pub fn hide_mask(&self, hidden: bool) {
        self.core.hide_mask(hidden);
    }

    /// For what the board is held back, if it is; to be told every few seconds. Less is asked of it meanwhile.
    pub(crate) fn strained(&self, by: Option<BoardStrain>) {
        self.core.strained(by);
    }

    /// What the model is asked.
    #[must_use]
    pub fn asked(&self) -> Ask {
        self.core.asked()
    }

    /// Asks the model for something else from now on; no answer to the old question is shown after this.
    ///
    /// # Errors
    /// As of [`Segmenter::open_lane`]; then everything stays as it is.
    pub fn ask(&self, ask: Ask) -> Result<(), EngineError> {
        self.core.ask(ask)
    }

    /// The region that is seen of the source's pictures; `None`: all.
    #[must_use]
    pub fn region(&self) -> Option<PixelRect> {
        self.core.viewfinder.view().region
    }

    /// Has that region seen from the next picture on; `None`: the whole picture. Nothing that was answered before is
    /// shown after this, and what was proposed is settled.
    ///
    /// # Errors
    /// [`AimError`]; then everything stays as it is.
    pub fn aim(&self, region: Option<PixelRect>) -> Result<(), AimError> {
        self.core.aim(region)
    }

    /// How large a pixel of its newest picture is: as it was set up, or as a person has said since; else as the source says.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.core.scale()
    }

    /// Has pixels taken to be so large from the next picture on; nothing that was measured before is shown after this.
    pub fn rescale(&self, scale: Scale) {
        self.core.rescale(scale);
    }

    /// The region that was proposed when the source began (`crop = "auto"`), until a person has confirmed it or another.
    #[must_use]
    pub fn proposed(&self) -> Option<SurroundProposal> {
        self.core.proposed()
    }

    /// Looks at the next whole pictures for what could be cut off of them; blocks for two seconds at most. `None` if no
    /// picture came. Nothing is changed by it.
    #[must_use]
    pub fn find_surround(&self) -> Option<SurroundSighting> {
        find_surround(&self.core)
    }

    /// The next whole picture, waited for no longer than so.
    #[must_use]
    pub fn next_whole(&self, patience: Duration) -> Option<Arc<Frame>> {
        let clock = self.core.clock.as_ref();
        let until = clock.now() + patience;
        self.core.viewfinder.next_whole(clock, until)
    }

    /// How it is treated.
    #[must_use]
    pub fn settings(&self) -> &LiveSettings {
        &self.core.settings
    }

    /// What is kept of its last seconds; `None` if nothing is ([`LiveSettings::clip`]).
    #[must_use]
    pub fn clip(&self) -> Option<LiveClip> {
        self.core.clip.clip(self.core.clock.now())
    }

    /// What the source is, for people.
    #[must_use]
    pub fn label(&self) -> String {
        self.opener.label()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("source", &self.label())
            .field("state", &self.look().state)
            .finish_non_exhaustive()
    }
}
