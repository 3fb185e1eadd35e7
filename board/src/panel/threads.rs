//! The threads of a panel, and what they share.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use heapless::spsc::{Consumer, Queue};
use live::{EdgeCounts, FrontPanel, PanelLamp, PanelView, Studio};
use picture::segmenter::{Bell, Clock};
use picture::sync::lock;

use super::acts::PressActs;
use super::lamps::{LampKeeper, ServiceState};
use super::line::{EDGES, EdgeLine, Heard, next_press};
use super::patterns::BlinkPattern;
use crate::ending::ThreadEnd;
use crate::gpio::{GpioConfig, LampRole, OpenedLines, PanelLines, Press, PressReader};
use crate::gpio::{LONG_PRESS, SimulatedLines};

/// How often lamps are looked after: twice in the tenth of a second that they may be late.
const TICK: Duration = Duration::from_millis(50);
/// A switch that rests is waited for so long in one go,
const RESTING: Duration = Duration::from_millis(250);
/// and one that was just touched so long: that no edge came is news then.
const TOUCHED: Duration = Duration::from_millis(20);
/// Lines that fail are tried again after so long.
const AGAIN: Duration = Duration::from_secs(1);
/// Who acts looks so often at least whether it is to end.
const LOOK: Duration = Duration::from_secs(1);

/// What a panel is made of.
pub struct PanelParts {
    /// Lamps and switch.
    pub lines: OpenedLines,
    /// What they do.
    pub config: GpioConfig,
    /// The engine's.
    pub clock: Arc<dyn Clock>,
}

/// Lights and a foot switch in service, as long as it is held. Lamps are dark after it.
pub struct Panel {
    desk: Arc<PanelDesk>,
    lamps: Option<JoinHandle<()>>,
}

/// What the threads share, and whoever looks sees.
struct PanelDesk {
    lines: Arc<dyn PanelLines>,
    simulated: Option<Arc<SimulatedLines>>,
    acts: PressActs,
    clock: Arc<dyn Clock>,
    ending: ThreadEnd,
    /// Rung when there is something in the queue.
    heard: Bell,
    edges: Mutex<EdgeCounts>,
    down: AtomicBool,
    short: AtomicU64,
    long: AtomicU64,
    lamps: Mutex<Vec<PanelLamp>>,
    /// What is to sound.
    sound: Mutex<Option<BlinkPattern>>,
    /// Why the switch, and why a lamp, cannot be used now.
    switch_problem: Mutex<Option<String>>,
    lamp_problem: Mutex<Option<String>>,
}

impl Panel {
    /// Puts it in service, and has the studio tell of it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(parts: PanelParts, studio: &Arc<Studio>) -> io::Result<Self> {
        let PanelParts {
            lines,
            config,
            clock,
        } = parts;
        let desk = Arc::new(PanelDesk {
            lines: lines.lines,
            simulated: lines.simulated,
            acts: PressActs {
                short: config.trigger,
                source: config.source,
            },
            clock,
            ending: ThreadEnd::default(),
            heard: Bell::default(),
            edges: Mutex::default(),
            down: AtomicBool::new(false),
            short: AtomicU64::new(0),
            long: AtomicU64::new(0),
            lamps: Mutex::default(),
            sound: Mutex::default(),
            switch_problem: Mutex::default(),
            lamp_problem: Mutex::default(),
        });
        let mut panel = Self {
            desk: desk.clone(),
            lamps: None,
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let (switch, watched) = (desk.clone(), Arc::downgrade(studio));
        thread("panel-switch").spawn(move || switch.see_to_switch(&watched))?;
        let (lamps, watched) = (desk.clone(), Arc::downgrade(studio));
        panel.lamps = Some(thread("panel-lamps").spawn(move || lamps.see_to_lamps(&watched))?);
        studio.has_panel(desk);
        Ok(panel)
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.desk.ending.come();
        self.desk.heard.ring();
        // A process that ends takes its threads with it, and would leave lamps lit. To set a line takes no time.
        if let Some(lamps) = self.lamps.take() {
            // A thread that fell over has been told of by its panic.
            let _ = lamps.join();
        }
    }
}

impl PanelDesk {
    /// Acts on what another thread hears.
    fn see_to_switch(&self, studio: &Weak<Studio>) {
        let mut queue: Queue<Heard, EDGES> = Queue::new();
        let (into, mut from) = queue.split();
        std::thread::scope(|scope| {
            let hear = || self.hear(EdgeLine::new(into));
            let thread = std::thread::Builder::new().name("panel-edges".into());
            if let Err(error) = thread.spawn_scoped(scope, hear) {
                tell(&self.switch_problem, Some(error.to_string()));
                return;
            }
            self.act(&mut from, studio);
            self.ending.come();
        });
    }

    fn hear(&self, mut line: EdgeLine<'_>) {
        let (clock, mut touched) = (self.clock.as_ref(), None);
        while !self.ending.has_come() {
            let now = clock.now();
            let fresh = |edge| now.saturating_duration_since(edge) < 2 * LONG_PRESS;
            let patience = match touched.is_some_and(fresh) {
                true => TOUCHED,
                false => RESTING,
            };
            match self.lines.wait(patience) {
                Ok(Some(edge)) => {
                    touched = Some(edge.at);
                    line.edge(edge);
                }
                // What happened before it was waited for would have been heard.
                Ok(None) => line.quiet(now),
                Err(error) => {
                    line.unreadable();
                    tell(&self.switch_problem, Some(error.to_string()));
                    if self.ending.pass(clock, AGAIN) {
                        return;
                    }
                    continue;
                }
            }
            tell(&self.switch_problem, None);
            self.count(line.counts());
            self.heard.ring();
        }
    }

    fn act(&self, queue: &mut Consumer<'_, Heard>, studio: &Weak<Studio>) {
        let mut reader = PressReader::new(self.lines.debounce());
        while !self.ending.has_come() {
            self.heard.hush();
            while let Some(press) = next_press(queue, &mut reader) {
                let Some(studio) = studio.upgrade() else {
                    return;
                };
                self.press(press, &studio);
            }
            self.down.store(reader.is_down(), Ordering::Relaxed);
            self.clock.wait(self.clock.now() + LOOK, &self.heard);
        }
    }

    fn press(&self, press: Press, studio: &Studio) {
        let count = match press {
            Press::Short => &self.short,
            Press::Long => &self.long,
        };
        let sound = match self.acts.act(studio, press) {
            Ok(()) => BlinkPattern::CHIRP,
            Err(why) => {
                tracing::warn!("the foot switch: {why}");
                BlinkPattern::COMPLAINT
            }
        };
        *lock(&self.sound) = Some(sound);
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn see_to_lamps(&self, studio: &Weak<Studio>) {
        let clock = self.clock.as_ref();
        let mut keeper = LampKeeper::new(clock.now());
        // As far as is known. What fails is tried again.
        let mut lit = [Some(false); LampRole::ALL.len()];
        while let Some(studio) = studio.upgrade() {
            let now = clock.now();
            if let Some(sound) = lock(&self.sound).take() {
                keeper.sound(sound, now);
            }
            let lamps = keeper.look(&ServiceState::of(&studio), now);
            drop(studio);
            let mut problem = None;
            for ((lamp, _, should), is) in lamps.iter().zip(&mut lit) {
                if *is != Some(*should) {
                    let set = self.lines.set(*lamp, *should);
                    *is = set.is_ok().then_some(*should);
                    problem = set.err().map(|error| error.to_string()).or(problem);
                }
            }
            tell(&self.lamp_problem, problem);
            *lock(&self.lamps) = Vec::from(lamps.map(|(lamp, pattern, lit)| PanelLamp {
                role: lamp.name(),
                lit,
                pattern: pattern.name,
            }));
            if self.ending.pass(clock, TICK) {
                break;
            }
        }
        for lamp in LampRole::ALL {
            // There is nobody left to be told.
            let _ = self.lines.set(lamp, false);
        }
    }

    /// What became of edges; lost ones are told of.
    fn count(&self, counts: EdgeCounts) {
        let before = std::mem::replace(&mut *lock(&self.edges), counts);
        if before.overflowed < counts.overflowed && counts.overflowed.is_power_of_two() {
            tracing::warn!(
                "the foot switch: {} edges were lost so far, as they came faster than they were acted upon",
                counts.overflowed
            );
        }
    }
}

impl FrontPanel for PanelDesk {
    fn look(&self) -> PanelView {
        PanelView {
            lamps: lock(&self.lamps).clone(),
            simulated: self.simulated.is_some(),
            pressed: self.down.load(Ordering::Relaxed),
            edges: *lock(&self.edges),
            short: self.short.load(Ordering::Relaxed),
            long: self.long.load(Ordering::Relaxed),
            problem: (lock(&self.switch_problem).clone())
                .or_else(|| lock(&self.lamp_problem).clone()),
        }
    }

    fn press(&self, down: bool) -> bool {
        if let Some(simulated) = &self.simulated {
            simulated.press(down);
        }
        self.simulated.is_some()
    }
}

/// Keeps why something cannot be used now; logged when that is news.
fn tell(known: &Mutex<Option<String>>, problem: Option<String>) {
    let before = std::mem::replace(&mut *lock(known), problem.clone());
    if let Some(problem) = problem.filter(|problem| before.as_ref() != Some(problem)) {
        tracing::warn!("lights and foot switch: {problem}");
    }
}
