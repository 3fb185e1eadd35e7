//! The phantom as a source that can be opened, and what is true of it.

use std::sync::Arc;

use picture::mask::{Mask, MaskError};
use picture::segmenter::Clock;

use super::moment::Moment;
use super::source::Patient;
use super::spec::{PhantomError, PhantomSpec};
use crate::source::{Opener, Source, SourceError};

/// A phantom: opened, it shows what its specification says, at its rate by the clock handed in.
#[derive(Clone, Debug)]
pub struct Phantom {
    spec: PhantomSpec,
    clock: Arc<dyn Clock>,
}

impl Phantom {
    /// Of a specification.
    ///
    /// # Errors
    /// [`PhantomError`]: what cannot be shown.
    pub fn new(spec: PhantomSpec, clock: Arc<dyn Clock>) -> Result<Self, PhantomError> {
        spec.check()?;
        Ok(Self { spec, clock })
    }

    /// What it shows.
    #[must_use]
    pub fn spec(&self) -> &PhantomSpec {
        &self.spec
    }

    /// The true mask of a frame, as if the phantom had been opened at its start; empty where there is no target.
    ///
    /// # Errors
    /// None for a size that a phantom can have: [`MaskError`] is what a mask is made with.
    pub fn truth(&self, sequence: u64) -> Result<Mask, MaskError> {
        let [width, height] = self.spec.size;
        match Moment::of(&self.spec, sequence).target {
            Some(target) => target.mask(self.spec.size),
            None => Mask::empty(width, height),
        }
    }

    /// The phantom opened: a [`Source`] that can also draw any frame at once, for tests and pictures of it. Makes its
    /// textures anew.
    #[must_use]
    pub fn patient(&self) -> Patient {
        Patient::new(self.spec.clone(), self.clock.clone())
    }
}

impl Opener for Phantom {
    fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(self.patient()))
    }

    fn label(&self) -> String {
        "phantom".to_owned()
    }
}
