use std::collections::BTreeSet;

use serde::Deserialize;

use super::contract::GUARD_CLASSES;
use super::file::FileSpec;
use super::preprocess::PreprocessSpec;
use picture::segmenter::Modality;

/// The modality guard : one graph, its weights inside.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSpec {
    /// Input side, px.
    pub side: usize,
    /// From RGB to the graph's input.
    pub preprocess: PreprocessSpec,
    /// The inverse's score from which a picture that is not likeliest what was asked for is called inverted; without it
    /// (a guard that did not learn from such pictures) none is.
    pub inverted: Option<f32>,
    /// The graph.
    pub file: FileSpec,
    /// In the order of the scores.
    #[serde(rename = "class")]
    pub classes: Vec<GuardClass>,
}

/// One of the things a picture may look like.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardClass {
    /// A modality's name, or `other`.
    pub name: String,
    /// The score below which a picture is a mismatch when sent as this modality; none for what is no modality.
    pub threshold: Option<f32>,
}

impl GuardSpec {
    /// Largest input side: it is to be small beside the model.
    const MAX_SIDE: usize = 256;

    pub(super) fn check(&self) -> Result<(), String> {
        if self.side == 0 || self.side > Self::MAX_SIDE {
            return Err(format!(
                "side: expected 1..={}, found {}",
                Self::MAX_SIDE,
                self.side
            ));
        }
        self.preprocess.check()?;
        self.file.check()?;
        if self.classes.len() != GUARD_CLASSES {
            return Err(format!(
                "expected {GUARD_CLASSES} classes, found {}",
                self.classes.len()
            ));
        }
        let names: BTreeSet<&str> = self.classes.iter().map(|c| c.name.as_str()).collect();
        if names.len() != self.classes.len() || names.contains(Modality::AUTO) {
            return Err(format!(
                "expected classes of different names, none '{}'",
                Modality::AUTO
            ));
        }
        let thresholds = self.classes.iter().filter_map(|class| class.threshold);
        let mut scores = thresholds.chain(self.inverted);
        match scores.find(|score| !(0.0..=1.0).contains(score)) {
            Some(score) => Err(format!(
                "threshold or inverted: expected 0..=1, found {score}"
            )),
            None => Ok(()),
        }
    }
}
