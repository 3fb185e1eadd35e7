//! What makes a frame of a moment.

use picture::frame::Frame;

use super::endoscope::Endoscope;
use super::moment::Moment;
use super::spec::{Anatomy, PhantomSpec};
use super::ultrasound::{Probe, Ultrasound};

/// Draws one anatomy. Makes its textures once.
pub(super) enum Painter {
    Ultrasound(Ultrasound),
    Endoscope(Endoscope),
}

impl Painter {
    pub fn new(spec: &PhantomSpec) -> Self {
        match spec.anatomy {
            Anatomy::FetalHead => Self::Ultrasound(Ultrasound::new(spec, Probe::Curved)),
            Anatomy::Lesion => Self::Ultrasound(Ultrasound::new(spec, Probe::Linear)),
            Anatomy::Polyp => Self::Endoscope(Endoscope::new(spec)),
        }
    }

    /// Draws upon a canvas of the specification's size.
    pub fn paint(&mut self, moment: &Moment, canvas: &mut Frame) {
        match self {
            Self::Ultrasound(painter) => painter.paint(moment, canvas),
            Self::Endoscope(painter) => painter.paint(moment, canvas),
        }
    }
}
