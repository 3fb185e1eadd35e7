use serde::{Serialize, Serializer};

use crate::segmenter::StageTimes;

/// Where the time went, up to the report itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Up to the mask.
    pub stages: StageTimes,
    /// From the mask to the report, milliseconds.
    pub render: f64,
}

/// One of the [`Times`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// Its name as a key of JSON.
    pub key: &'static str,
    /// Its name elsewhere, in kebab-case.
    pub name: &'static str,
    /// What it is the time of, as a sentence for users.
    pub about: &'static str,
    /// Milliseconds.
    pub ms: f64,
}

impl Times {
    /// All of them: the stages, then rendering, then all together.
    pub fn rows(&self) -> impl Iterator<Item = Time> {
        let stages = StageTimes::STAGES.iter().map(|stage| Time {
            key: stage.key,
            name: stage.name,
            about: stage.about,
            ms: (stage.time)(&self.stages),
        });
        let render = Time {
            key: "render",
            name: "render",
            about: "Mask → this reply.",
            ms: self.render,
        };
        let total = Time {
            key: "total",
            name: "total",
            about: "From acceptance to this reply.",
            ms: self.stages.total + self.render,
        };
        stages.chain([render, total])
    }
}

/// As an object: [`Time::key`] → [`Time::ms`].
impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.rows().map(|time| (time.key, time.ms)))
    }
}
