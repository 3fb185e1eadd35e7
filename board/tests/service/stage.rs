//! A studio over a puppet and the fake engine, by a clock that a test advances.

use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_board::gpio::{GpioConfig, GpioDriver, OpenedLines, SimulatedLines};
use espmedsam_board::panel::{Panel, PanelParts};
use live::steady::Insistence;
use live::{FrontPanel, LiveSettings, LiveView, PanelView, Session, SessionSpec, Studio};
use picture::segmenter::{Ask, ManualClock};
use testing::fake::{Fake, MODALITIES};
use testing::puppet::{Act, Puppet};
use video::prepare::SourceView;

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// For so long the switch of the tests bounces.
pub const DEBOUNCE: Duration = Duration::from_millis(20);

pub struct Stage {
    pub clock: Arc<ManualClock>,
    pub fake: Arc<Fake>,
    pub puppet: Puppet,
    pub studio: Arc<Studio>,
}

impl Stage {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake = Fake::by(clock.clone(), 4);
        let puppet = Puppet::new(clock.clone());
        let studio = Studio::new(fake.clone(), clock.clone(), Arc::new(puppet.clone()));
        Self {
            clock,
            fake,
            puppet,
            studio,
        }
    }

    /// Watches the puppet; each answer counts by itself.
    pub fn watch(&self) -> Arc<Session> {
        let at_once = Insistence {
            times: 1,
            lasting: Duration::ZERO,
        };
        let spec = SessionSpec {
            opener: Arc::new(self.puppet.clone()),
            view: SourceView::default(),
            ask: Ask::new(MODALITIES[1]),
            settings: LiveSettings {
                steady: false,
                insistence: [at_once; 2],
                ..LiveSettings::default()
            },
        };
        self.studio.begin("probe", spec).unwrap()
    }

    /// A panel of nothing in service, whose switch bounces.
    pub fn panel(&self, config: GpioConfig) -> (Panel, Arc<SimulatedLines>) {
        let lines = Arc::new(SimulatedLines::new(self.clock.clone(), DEBOUNCE));
        let opened = OpenedLines {
            lines: lines.clone(),
            simulated: Some(lines.clone()),
        };
        let config = GpioConfig {
            driver: GpioDriver::Simulated,
            ..config
        };
        (self.panel_of(opened, config), lines)
    }

    /// A panel of those lines in service.
    pub fn panel_of(&self, lines: OpenedLines, config: GpioConfig) -> Panel {
        let parts = PanelParts {
            lines,
            config,
            clock: self.clock.clone(),
        };
        Panel::start(parts, &self.studio).unwrap()
    }

    /// What is seen of the panel.
    pub fn seen(&self) -> PanelView {
        let panel: &Arc<dyn FrontPanel> = self.studio.panel().unwrap();
        panel.look()
    }

    /// Sends a picture, and lets it be answered or left out.
    pub fn show(&self, session: &Session, act: Act) -> LiveView {
        let before = session.look().counts.capture.captured;
        self.puppet.act(act);
        let mut view = session.look();
        until("the picture is answered", || {
            view = session.look();
            let (capture, lanes) = (view.counts.capture, view.counts.lanes);
            capture.captured > before
                && capture.captured == capture.same + capture.offered + capture.left_out
                && lanes.waiting + lanes.in_work == 0
                && view.counts.published + view.counts.held + view.counts.overtaken
                    == lanes.computed
        });
        view
    }

    pub fn pass(&self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
    }
}

/// Waits until it is so; no time passes by the stage's clock meanwhile.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "not so: {what}");
        std::thread::yield_now();
    }
}
