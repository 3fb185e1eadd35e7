//! A session over a puppet and the fake engine, by a clock that a test advances.

use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_live::steady::Insistence;
use espmedsam_live::{LiveCounts, LiveSettings, LiveView, Session, SessionSpec, State};
use picture::segmenter::{Ask, ManualClock};
use testing::fake::{Fake, MODALITIES};
use testing::puppet::{Act, Puppet};
use video::prepare::SourceView;

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Stage {
    pub clock: Arc<ManualClock>,
    pub fake: Arc<Fake>,
    pub puppet: Puppet,
    pub session: Session,
}

impl Stage {
    pub fn new() -> Self {
        Self::with(Self::immediate())
    }

    /// Each answer counts by itself.
    pub fn immediate() -> LiveSettings {
        let at_once = Insistence {
            times: 1,
            lasting: Duration::ZERO,
        };
        LiveSettings {
            insistence: [at_once; 2],
            ..Self::plain()
        }
    }

    /// The default settings, but for masks that are just what the fake gives.
    pub fn plain() -> LiveSettings {
        LiveSettings {
            steady: false,
            ..LiveSettings::default()
        }
    }

    pub fn with(settings: LiveSettings) -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake = Fake::by(clock.clone(), 4);
        let puppet = Puppet::new(clock.clone());
        let spec = SessionSpec {
            opener: Arc::new(puppet.clone()),
            view: SourceView::default(),
            ask: Ask::new(MODALITIES[1]),
            settings,
        };
        let session = Session::begin(0, spec, fake.clone(), clock.clone()).unwrap();
        let stage = Self {
            clock,
            fake,
            puppet,
            session,
        };
        stage.until("the source is open", |view| view.counts.capture.opened == 1);
        stage
    }

    /// Looks until it is so; time does not pass meanwhile.
    pub fn until(&self, what: &str, is: impl Fn(&LiveView) -> bool) -> LiveView {
        let begun = Instant::now();
        loop {
            let view = self.session.look();
            if is(&view) {
                return view;
            }
            let (state, counts) = (view.state, view.counts);
            assert!(
                begun.elapsed() < PATIENCE,
                "not so: {what}: {state:?}, {counts:?}"
            );
            std::thread::yield_now();
        }
    }

    pub fn until_state(&self, state: State) -> LiveView {
        self.until(state.name(), |view| view.state == state)
    }

    /// Sends a picture, and lets it be answered.
    pub fn show(&self, act: Act) -> LiveView {
        let before = self.session.look().counts;
        self.puppet.act(act);
        self.until("the picture is answered", |view| {
            view.counts.capture.captured > before.capture.captured && is_at_rest(&view.counts)
        })
    }

    pub fn pass(&self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
    }
}

/// Whether all that came is done with, told answers included. A view's counts are not of one moment: the lanes' are older, so
/// they must know of every picture that was offered.
pub fn is_at_rest(counts: &LiveCounts) -> bool {
    let LiveCounts {
        capture,
        lanes,
        published,
        held,
        overtaken,
    } = counts;
    capture.captured == capture.same + capture.offered + capture.left_out
        && lanes.offered == capture.offered
        && lanes.waiting + lanes.in_work == 0
        && published + held + overtaken == lanes.computed
}

/// A picture on which the fake marks all.
pub const BRIGHT: Act = Act::Picture(8, 6, 200);
/// One on which it marks nothing.
pub const DARK: Act = Act::Picture(8, 6, 50);
