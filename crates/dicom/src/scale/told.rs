//! What is said of a picture's scale.

use picture::scale::Scale;

/// A picture's scale, and what has to be said with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DicomScale {
    /// For millimetres. [`Scale::Unknown`] where there are none.
    pub scale: Scale,
    /// Where it comes from; `None` where there is none.
    pub source: Option<ScaleSource>,
    /// Why there is none, or what to think of the one there is.
    pub notes: Vec<ScaleNote>,
}

/// Which part of the file a scale comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleSource {
    /// Sequence of Ultrasound Regions (PS3.3, C.8.5.5).
    UltrasoundRegions,
    /// Pixel Measures of all frames (PS3.3, C.7.6.16.2.1).
    PixelMeasures,
    /// Pixel Spacing (PS3.3, 10.7.1).
    PixelSpacing,
    /// Nominal Scanned Pixel Spacing of a film.
    ScannedFilm,
    /// Imager Pixel Spacing, at the detector.
    Detector,
}

impl ScaleSource {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UltrasoundRegions => "ultrasound-regions",
            Self::PixelMeasures => "pixel-measures",
            Self::PixelSpacing => "pixel-spacing",
            Self::ScannedFilm => "scanned-film",
            Self::Detector => "detector",
        }
    }
}

/// What is to be thought of a scale, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ScaleNote {
    /// Nothing says how large pixels are.
    #[error("the file does not say how large its pixels are")]
    Unsaid,
    /// Regions of other pixels.
    #[error(
        "the file's ultrasound regions reach beyond its picture: it was cut or made smaller since, and they hold no more"
    )]
    RegionsOfAnother,
    /// A region in other units than centimetres.
    #[error("region {0} is not measured in centimetres both ways")]
    NotCentimetres(usize),
    /// A region that is no picture of tissue (a curve, a spectrum, colour bars).
    #[error("region {0} is no two-dimensional picture of tissue")]
    NotTissue(usize),
    /// A region without usable numbers.
    #[error("region {0} does not say how large its pixels are")]
    NoDelta(usize),
    /// Frames of different scale, or some without.
    #[error("the file's frames are not all of one scale")]
    FramesDisagree,
    /// Spacings against the aspect ratio, or no lengths at all.
    #[error("what the file says of its pixels' size contradicts itself")]
    Contradiction,
    /// Measured where the detector is: what lies before it is smaller than it says.
    #[error(
        "lengths are those of the shadow at the detector; the body's own are smaller{}",
        factor.map_or(String::new(), |factor| format!(" (by about {factor:.2}, the file estimates)"))
    )]
    Magnified {
        /// Estimated Radiographic Magnification Factor.
        factor: Option<f64>,
    },
    /// Measured on a film.
    #[error("lengths are those on the film that was scanned; the body's own are smaller")]
    OnFilm,
}

impl DicomScale {
    /// None, and why.
    pub(super) fn unknown(note: ScaleNote) -> Self {
        Self {
            notes: vec![note],
            ..Self::default()
        }
    }
}
