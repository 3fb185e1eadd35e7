//! What is asked of one picture: names looked up before it is read, the guard's word once it is.

use crate::guard::{Guard, Impression};
use crate::model::runtime::Threads;
use crate::model::store::{Choice, Store};
use picture::frame::Frame;
use picture::segmenter::{Ask, EngineError, Modality, ModalityCheck, OnMismatch};

/// Asks of one picture.
pub(crate) struct Plan<'a> {
    store: &'a Store,
    asks: &'a [Ask],
    /// `None` where the guard is to choose.
    choices: Vec<Option<Choice<'a>>>,
    /// Once loaded, if there is one.
    guard: Option<Guard>,
}

/// A modality settled on, and whether the picture looks like it; `None` without a guard that knows it.
pub(super) type Settled<'a> = (Choice<'a>, Option<ModalityCheck>);

/// One picture before the guard.
struct Seen<'a> {
    guard: &'a Guard,
    threads: &'a Threads,
    look: Impression<'a>,
}

impl<'a> Plan<'a> {
    /// Looks names up in the manifest. Loads nothing.
    pub(crate) fn of(store: &'a Store, asks: &'a [Ask]) -> Result<Self, EngineError> {
        let choose = |ask: &Ask| match (&ask.modality, &store.manifest().guard) {
            (Modality::Auto, None) => Err(EngineError::NoGuard),
            (Modality::Auto, Some(_)) => {
                store.model(ask.model.as_deref())?;
                Ok(None)
            }
            (Modality::Named(name), _) => Ok(Some(store.choose(ask.model.as_deref(), name)?)),
        };
        let choices: Vec<Option<Choice<'a>>> = asks
            .iter()
            .map(choose)
            .collect::<Result<_, EngineError>>()?;
        of_one_model(choices.iter().flatten())?;
        Ok(Self {
            store,
            asks,
            choices,
            guard: None,
        })
    }

    /// With the guard loaded: one that cannot be used should not cost the decoding of a picture.
    pub(super) fn guarded(self) -> Result<Self, EngineError> {
        let loaded = self.store.guard()?;
        let guard = loaded.map(|(graph, spec)| Guard::new(graph, spec.clone()));
        Ok(Self { guard, ..self })
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
                look: guard.look(threads, frame)?,
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
        of_one_model(settled.iter().map(|(choice, _)| choice))?;
        Ok(settled)
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
        let check = check.map(|check| seen.doubted(&ask.modality, check));
        match check.transpose()? {
            Some(check) if check.is_mismatch() && ask.on_mismatch == OnMismatch::Refuse => {
                Err(EngineError::ModalityMismatch {
                    asked: ask.modality.clone(),
                    check,
                    pages: None,
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
                check: seen.doubted(&ask.modality, check.unwrap_or_else(|| seen.look.nothing()))?,
                pages: None,
            }),
        }
    }
}

fn of_one_model<'a>(mut choices: impl Iterator<Item = &'a Choice<'a>>) -> Result<(), EngineError> {
    let Some(first) = choices.next() else {
        return Ok(());
    };
    match choices.find(|other| other.model.name != first.model.name) {
        None => Ok(()),
        Some(other) => Err(EngineError::TwoModels {
            first: first.model.name.clone(),
            second: other.model.name.clone(),
        }),
    }
}

impl Seen<'_> {
    /// A check with what the picture's inverse looks like.
    fn doubted(
        &self,
        modality: &Modality,
        check: ModalityCheck,
    ) -> Result<ModalityCheck, EngineError> {
        let inverted = self.guard.inverted(self.threads, &self.look, modality);
        Ok(ModalityCheck {
            inverted: inverted?,
            ..check
        })
    }
}
