//! [`Frame`] → which modality it looks like: stops a picture that is plainly of another kind before it gets a confident
//! wrong mask, and picks the modality when asked to.
//!
//! A small classifier of its own looks at the picture at 64 × 64 (`models/README.md`, "Modality guard"). It knows the six
//! modalities and "other". It never changes a mask.

mod signal;

use std::sync::Arc;

use picture::segmenter::{Inverted, Modality, ModalityCheck};

use crate::manifest::{GuardClass, GuardSpec, PreprocessSpec};
use crate::model::runtime::{Graph, GraphError, Input, Threads};
use crate::preprocess::{Image, Preprocess};
use picture::frame::Frame;

/// The classifier.
#[derive(Debug)]
pub struct Guard {
    graph: Arc<Graph>,
    spec: GuardSpec,
    preprocess: Preprocess,
}

/// What one picture looks like.
#[derive(Clone, Debug)]
pub struct Impression<'a> {
    spec: &'a GuardSpec,
    /// What was looked at.
    image: Image,
    /// One for each of the manifest's classes, 0..=1, sum 1.
    scores: Vec<f32>,
}

impl Guard {
    /// Wraps a graph of [`crate::manifest::contract::Role::Guard`].
    #[must_use]
    pub fn new(graph: Arc<Graph>, spec: GuardSpec) -> Self {
        let preprocess = Preprocess::of(spec.side, &spec.preprocess);
        Self {
            graph,
            spec,
            preprocess,
        }
    }

    /// Looks at a picture.
    ///
    /// # Errors
    /// A fault of the runtime.
    pub fn look(&self, threads: &Threads, frame: &Frame) -> Result<Impression<'_>, GraphError> {
        self.look_at(threads, self.preprocess.run(frame))
    }

    /// Whether what is not likeliest `modality` plainly is with black for white (for [`Modality::Auto`]: is any).
    /// Its own score alone would not do: an inverted chest keeps the outline of one.
    ///
    /// # Errors
    /// A fault of the runtime.
    pub fn inverted(
        &self,
        threads: &Threads,
        look: &Impression<'_>,
        modality: &Modality,
    ) -> Result<Option<Inverted>, GraphError> {
        let Some(least) = self
            .spec
            .inverted
            .filter(|_| look.likeliest().0 != modality.as_str())
        else {
            return Ok(None);
        };
        let inverse = self.look_at(threads, self.inverse(&look.image))?;
        let (likeliest, score) = inverse.likeliest();
        let known = inverse.check(likeliest).is_some();
        let asked = known && (*modality == Modality::Auto || modality.as_str() == likeliest);
        let plainly = asked && score >= least;
        Ok(plainly.then(|| Inverted {
            modality: likeliest.into(),
            score,
        }))
    }

    fn look_at(&self, threads: &Threads, image: Image) -> Result<Impression<'_>, GraphError> {
        let scores = match signal::is_lost(&image, self.spec.preprocess.std) {
            true => self.of_nothing(),
            false => {
                let mut outputs = self.graph.run(threads, &[Input::F32(&image.chw)])?;
                outputs.pop().ok_or("the guard gave nothing")?.data
            }
        };
        Ok(Impression {
            spec: &self.spec,
            image,
            scores,
        })
    }

    /// 255 - v, of normalised values. Shrinking takes means, so it is the inverse picture's own small one.
    fn inverse(&self, image: &Image) -> Image {
        let PreprocessSpec { mean, std, .. } = &self.spec.preprocess;
        let planes = image.chw.chunks_exact(image.side * image.side);
        let inverse = planes
            .zip(mean.iter().zip(std))
            .flat_map(|(plane, (mean, std))| {
                let both = (255.0 - 2.0 * mean) / std;
                plane.iter().map(move |value| both - value)
            });
        Image {
            side: image.side,
            chw: inverse.collect(),
        }
    }

    /// Certainly what is no modality.
    fn of_nothing(&self) -> Vec<f32> {
        let classes = self.spec.classes.iter();
        let score = |class: &GuardClass| if class.threshold.is_none() { 1.0 } else { 0.0 };
        classes.map(score).collect()
    }
}

impl Impression<'_> {
    /// How it looks as this modality; `None` for one that the guard does not know.
    #[must_use]
    pub fn check(&self, modality: &str) -> Option<ModalityCheck> {
        let classes = &self.spec.classes;
        let at = classes.iter().position(|class| class.name == modality)?;
        let (likeliest, likeliest_score) = self.likeliest();
        Some(ModalityCheck {
            score: self.scores.get(at).copied().unwrap_or(f32::NAN),
            threshold: classes[at].threshold?,
            likeliest: likeliest.into(),
            likeliest_score,
            inverted: None,
        })
    }

    /// The check of a picture that looks like nothing that could be asked for.
    #[must_use]
    pub fn nothing(&self) -> ModalityCheck {
        let (likeliest, likeliest_score) = self.likeliest();
        ModalityCheck {
            score: 0.0,
            threshold: 1.0,
            likeliest: likeliest.into(),
            likeliest_score,
            inverted: None,
        }
    }

    /// The class with the highest score, which may be "other".
    #[must_use]
    pub fn likeliest(&self) -> (&str, f32) {
        let named = self.spec.classes.iter().zip(&self.scores);
        named
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map_or(("", f32::NAN), |(class, score)| (&class.name, *score))
    }
}
