//! What is asked of one picture: names looked up before it is read, the guard's word once it is.

use std::sync::Arc;

use crate::frame::Frame;
use crate::guard::{AUTO, Guard, Look, ModalityCheck};
use crate::model::runtime::Threads;
use crate::model::store::{Choice, Store};

use super::{Ask, EngineError, OnMismatch};

/// Asks of one picture.
pub(super) struct Plan<'a> {
    store: &'a Store,
    asks: &'a [Ask],
    /// `None` where the guard is to choose.
    choices: Vec<Option<Choice<'a>>>,
    guard: Option<Arc<Guard>>,
}

/// A modality settled on, and whether the picture looks like it; `None` without a guard that knows it.
pub(super) type Settled<'a> = (Choice<'a>, Option<ModalityCheck>);

/// One picture before the guard.
struct Seen<'a> {
    guard: &'a Guard,
    threads: &'a Threads,
    look: Look<'a>,
}

impl<'a> Plan<'a> {
    /// Looks names up and loads the guard: a question that cannot be answered should not cost the decoding of a picture.
    pub(super) fn of(store: &'a Store, asks: &'a [Ask]) -> Result<Self, EngineError> {
        let guard = store.guard()?;
        let choose = |ask: &Ask| match (ask.modality.as_str(), &guard) {
            (AUTO, None) => Err(EngineError::NoGuard),
            (AUTO, Some(_)) => {
                store.model(ask.model.as_deref())?;
                Ok(None)
            }
            (name, _) => Ok(Some(store.choose(ask.model.as_deref(), name)?)),
        };
        Ok(Self {
            store,
            asks,
            choices: asks.iter().map(choose).collect::<Result<_, _>>()?,
            guard,
        })
    }

    /// What each ask is to be computed as; all by one model.
    pub(super) fn settle(
        &self,
        threads: &Threads,
        frame: &Frame,
    ) -> Result<Vec<Settled<'a>>, EngineError> {
        let seen = match &self.guard {
            Some(guard) => Some(Seen {
                guard,
                threads,
                look: guard.look(threads, frame).map_err(EngineError::Model)?,
            }),
            None => None,
        };
        let each = self.asks.iter().zip(&self.choices);
        let settled = each
            .map(|(ask, choice)| match (choice, &seen) {
                (Some(choice), seen) => Self::as_asked(ask, *choice, seen.as_ref()),
                (None, Some(seen)) => self.as_it_looks(ask, seen),
                (None, None) => Err(EngineError::NoGuard),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let name = |settled: &Settled<'a>| &settled.0.model.name;
        match settled.windows(2).find(|c| name(&c[0]) != name(&c[1])) {
            None => Ok(settled),
            Some(c) => Err(EngineError::Model(format!(
                "one picture asked of two models, '{}' and '{}'",
                name(&c[0]),
                name(&c[1])
            ))),
        }
    }

    fn as_asked(
        ask: &Ask,
        choice: Choice<'a>,
        seen: Option<&Seen<'_>>,
    ) -> Result<Settled<'a>, EngineError> {
        let Some(seen) = seen else {
            return Ok((choice, None));
        };
        let check = seen.look.check(&choice.modality.name);
        let check = check.map(|check| seen.doubted(&choice.modality.name, check));
        match check.transpose()? {
            Some(check) if check.is_mismatch() && ask.on_mismatch == OnMismatch::Refuse => {
                Err(EngineError::ModalityMismatch {
                    asked: ask.modality.clone(),
                    check,
                })
            }
            check => Ok((choice, check)),
        }
    }

    /// The guard's own choice is never kept against its own doubt.
    fn as_it_looks(&self, ask: &Ask, seen: &Seen<'_>) -> Result<Settled<'a>, EngineError> {
        let (likeliest, _) = seen.look.likeliest();
        let check = seen.look.check(likeliest);
        let choice = self.store.choose(ask.model.as_deref(), likeliest);
        match (choice, check) {
            (Ok(choice), Some(check)) if !check.is_mismatch() => Ok((choice, Some(check))),
            (_, check) => Err(EngineError::ModalityMismatch {
                asked: ask.modality.clone(),
                check: seen.doubted(AUTO, check.unwrap_or_else(|| seen.look.nothing()))?,
            }),
        }
    }
}

impl Seen<'_> {
    /// A mismatch with a second look at the picture's inverse; a match as it is.
    fn doubted(&self, modality: &str, check: ModalityCheck) -> Result<ModalityCheck, EngineError> {
        if !check.is_mismatch() {
            return Ok(check);
        }
        let doubt = self.guard.doubt(self.threads, &self.look, modality, check);
        doubt.map_err(EngineError::Model)
    }
}
