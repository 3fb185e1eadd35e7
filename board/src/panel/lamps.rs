//! How the service does → how each lamp is lit.

use std::time::Instant;

use live::{State, StrainLevel, Studio};
use picture::segmenter::Readiness;

use super::patterns::BlinkPattern;
use crate::gpio::LampRole;

/// How the service does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// The model.
    pub readiness: Readiness,
    /// Each source that is watched.
    pub sources: Vec<SourceState>,
    /// The board.
    pub strain: StrainLevel,
}

/// How a source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// What may be shown of it.
    pub state: State,
    /// Whether that is held by a person's wish.
    pub frozen: bool,
    /// Whether its masks are not drawn, by one.
    pub hidden: bool,
}

/// What is amiss, the worse the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PanelFault {
    /// Answers come too late, or none do.
    Late,
    /// The board is held back by heat, or for its supply.
    Strained,
    /// No pictures come.
    NoSignal,
    /// The model cannot be used for a source.
    ModelFault,
    /// It cannot be used at all.
    NoModel,
    /// The engine does not come back.
    EngineStuck,
}

impl PanelFault {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Late,
        Self::Strained,
        Self::NoSignal,
        Self::ModelFault,
        Self::NoModel,
        Self::EngineStuck,
    ];

    /// How the lamp shows it.
    #[must_use]
    pub fn pattern(self) -> BlinkPattern {
        match self {
            Self::Late => BlinkPattern::ONE,
            Self::NoSignal => BlinkPattern::TWO,
            Self::ModelFault => BlinkPattern::THREE,
            Self::Strained => BlinkPattern::FOUR,
            Self::EngineStuck => BlinkPattern::FAST,
            Self::NoModel => BlinkPattern::ON,
        }
    }

    fn of(source: SourceState) -> Option<Self> {
        match source.state {
            State::Starting
            | State::Mask
            | State::NothingFound
            | State::Unsure
            | State::WrongModality
            | State::Ended => None,
            State::Stale | State::Overload => Some(Self::Late),
            State::NoSignal => Some(Self::NoSignal),
            State::ModelFault => Some(Self::ModelFault),
        }
    }
}

impl ServiceState {
    /// As it is now.
    #[must_use]
    pub fn of(studio: &Studio) -> Self {
        let source = |(_, session): (String, std::sync::Arc<live::Session>)| {
            let view = session.look();
            SourceState {
                state: view.state,
                frozen: view.frozen.is_some(),
                hidden: view.hidden,
            }
        };
        Self {
            readiness: studio.segmenter().readiness(),
            sources: studio.all().into_iter().map(source).collect(),
            strain: studio
                .board()
                .map_or(StrainLevel::Fine, |board| board.level()),
        }
    }

    /// The worst that is amiss.
    #[must_use]
    pub fn fault(&self) -> Option<PanelFault> {
        let engine = match self.readiness {
            Readiness::Starting | Readiness::Ready => None,
            Readiness::Failed(_) => Some(PanelFault::NoModel),
            Readiness::Stuck(_) => Some(PanelFault::EngineStuck),
        };
        let board = (self.strain == StrainLevel::Throttled).then_some(PanelFault::Strained);
        let sources = self.sources.iter().map(|source| PanelFault::of(*source));
        sources.chain([engine, board]).flatten().max()
    }

    /// How a lamp is lit; the buzzer is silent by itself.
    #[must_use]
    pub fn pattern(&self, lamp: LampRole) -> BlinkPattern {
        match lamp {
            LampRole::Ready => match self.readiness {
                Readiness::Ready => BlinkPattern::ON,
                Readiness::Starting => BlinkPattern::SLOW,
                Readiness::Failed(_) | Readiness::Stuck(_) => BlinkPattern::DARK,
            },
            LampRole::Streaming => self.streaming(),
            LampRole::Fault => (self.fault()).map_or(BlinkPattern::DARK, PanelFault::pattern),
            LampRole::Buzzer => BlinkPattern::DARK,
        }
    }

    fn streaming(&self) -> BlinkPattern {
        let any = |is: fn(&SourceState) -> bool| self.sources.iter().any(is);
        if self.sources.is_empty() {
            BlinkPattern::DARK
        } else if any(|source| source.frozen) {
            BlinkPattern::SLOW
        } else if !any(|source| source.state.is_answer()) {
            BlinkPattern::FAST
        } else if any(|source| source.hidden) {
            BlinkPattern::WINK
        } else {
            BlinkPattern::ON
        }
    }
}

/// Keeps lamps as they should be. No thread, no time of its own.
#[derive(Debug)]
pub struct LampKeeper {
    /// How each is lit, and since when.
    shown: [(BlinkPattern, Instant); LampRole::ALL.len()],
    fault: Option<PanelFault>,
    /// What sounds once.
    sound: Option<(BlinkPattern, Instant)>,
}

impl LampKeeper {
    /// All are dark.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            shown: [(BlinkPattern::DARK, now); LampRole::ALL.len()],
            fault: None,
            sound: None,
        }
    }

    /// Has that sound once, from now on.
    pub fn sound(&mut self, pattern: BlinkPattern, now: Instant) {
        self.sound = Some((pattern, now));
    }

    /// Each lamp: how it is lit while the service does so, and whether it is lit now.
    pub fn look(
        &mut self,
        service: &ServiceState,
        now: Instant,
    ) -> [(LampRole, BlinkPattern, bool); LampRole::ALL.len()] {
        let fault = service.fault();
        // A fault that was not there is heard; the same one is not again and again.
        if fault.is_some() && fault > self.fault {
            self.sound(BlinkPattern::COMPLAINT, now);
        }
        self.fault = fault;
        let mut lamps = LampRole::ALL.map(|lamp| (lamp, service.pattern(lamp), false));
        for ((lamp, pattern, lit), shown) in lamps.iter_mut().zip(&mut self.shown) {
            if shown.0 != *pattern {
                *shown = (*pattern, now);
            }
            *lit = match lamp {
                LampRole::Buzzer => sounds(self.sound, now),
                _ => pattern.is_lit(now.saturating_duration_since(shown.1)),
            };
        }
        lamps
    }
}

fn sounds(sound: Option<(BlinkPattern, Instant)>, now: Instant) -> bool {
    sound.is_some_and(|(pattern, began)| {
        let since = now.saturating_duration_since(began);
        since < pattern.length() && pattern.is_lit(since)
    })
}
