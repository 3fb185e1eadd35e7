//! The stages of a picture's way: all that is said of them elsewhere (JSON, `Server-Timing`, tables, the page) follows
//! from the table here.

use std::time::Duration;

/// A stage, as it is told of.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Its name as a key of JSON: `self_prompt`.
    pub key: &'static str,
    /// Its name elsewhere: `self-prompt`.
    pub name: &'static str,
    /// What is done in it, as a sentence for users.
    pub about: &'static str,
    /// Its time out of a picture's, milliseconds.
    pub time: fn(&StageTimes) -> f64,
}

/// The first line of each is [`Stage::about`].
macro_rules! stages {
    ($(#[doc = $about:literal] $(#[doc = $more:literal])* $stage:ident $name:literal,)*) => {
        /// Wall-clock time of each stage, milliseconds.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct StageTimes {
            $(#[doc = $about] $(#[doc = $more])* pub $stage: f64,)*
            /// From acceptance to mask.
            pub total: f64,
        }

        impl StageTimes {
            /// The stages, in the order in which a picture goes through them.
            pub const STAGES: &[Stage] = &[$(Stage {
                key: stringify!($stage),
                name: $name,
                about: $about.trim_ascii(),
                time: |times| times.$stage,
            },)*];
        }

        /// Stage by stage.
        impl std::iter::Sum for StageTimes {
            fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
                all.fold(Self::default(), |a, b| Self {
                    $($stage: a.$stage + b.$stage,)*
                    total: a.total + b.total,
                })
            }
        }
    };
}

stages! {
    /// Waiting in the queue.
    queue "queue",
    /// Picture file → RGB.
    frame "frame",
    /// RGB → tensor.
    /// Normalised; and the guard's look.
    preprocess "preprocess",
    /// Image encoder.
    /// Tensor → embedding, with the modality controller.
    encode "encode",
    /// Self-prompt generator.
    /// Embedding → patch map and prompted embedding (SPPG).
    self_prompt "self-prompt",
    /// Mask decoder.
    /// Prompted embedding → low-resolution logits (QDMD).
    decode "decode",
    /// Logits → mask.
    /// At the frame's size.
    mask "mask",
}

impl StageTimes {
    /// The sum of the stages.
    #[must_use]
    pub fn stages(&self) -> f64 {
        Self::STAGES.iter().map(|stage| (stage.time)(self)).sum()
    }
}

/// A time as [`StageTimes`] has it, milliseconds.
#[must_use]
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_counted_once() {
        let times = StageTimes {
            queue: 1.0,
            frame: 2.0,
            preprocess: 4.0,
            encode: 8.0,
            self_prompt: 16.0,
            decode: 32.0,
            mask: 64.0,
            total: 1000.0,
        };
        assert_eq!(times.stages(), 127.0);
        let twice: StageTimes = [times, times].into_iter().sum();
        assert_eq!((twice.stages(), twice.total), (254.0, 2000.0));
        let told: Vec<_> = StageTimes::STAGES
            .iter()
            .map(|stage| (stage.key, (stage.time)(&times)))
            .collect();
        assert_eq!(told[0], ("queue", 1.0));
        assert_eq!(told[4], ("self_prompt", 16.0));
        for stage in StageTimes::STAGES {
            assert_eq!(stage.name, stage.key.replace('_', "-"));
        }
        assert_eq!(StageTimes::STAGES[2].about, "RGB → tensor.");
    }
}
