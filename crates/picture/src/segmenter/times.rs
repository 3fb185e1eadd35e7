/// Wall-clock time of each stage, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimes {
    /// Waiting in the queue.
    pub queue: f64,
    /// Picture file → RGB.
    pub frame: f64,
    /// RGB → normalised tensor, and the guard's look.
    pub preprocess: f64,
    /// Tensor → embedding (image encoder with modality controller).
    pub encode: f64,
    /// Embedding → patch map and prompted embedding (SPPG).
    pub self_prompt: f64,
    /// Prompted embedding → low-resolution logits (QDMD).
    pub decode: f64,
    /// Logits → mask at the frame's size.
    pub mask: f64,
    /// From acceptance to mask.
    pub total: f64,
}

impl StageTimes {
    /// The sum of the stages.
    #[must_use]
    pub fn stages(&self) -> f64 {
        self.queue
            + self.frame
            + self.preprocess
            + self.encode
            + self.self_prompt
            + self.decode
            + self.mask
    }
}

/// Stage by stage.
impl std::iter::Sum for StageTimes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            queue: a.queue + b.queue,
            frame: a.frame + b.frame,
            preprocess: a.preprocess + b.preprocess,
            encode: a.encode + b.encode,
            self_prompt: a.self_prompt + b.self_prompt,
            decode: a.decode + b.decode,
            mask: a.mask + b.mask,
            total: a.total + b.total,
        })
    }
}
