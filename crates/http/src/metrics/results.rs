//! What became of pictures, and how long it took.

use std::collections::BTreeMap;
use std::sync::Mutex;

use picture::segmenter::{Entrance, Segmentation, StageTimes};
use picture::sync::lock;

use super::exposition::Exposition;
use super::histogram::Histogram;

/// What became of the pictures that came in by one way.
#[derive(Debug)]
pub struct ResultMeter {
    /// Modality → outcome → how often.
    outcomes: Mutex<BTreeMap<String, BTreeMap<&'static str, u64>>>,
    /// In the order of [`StageTimes::STAGES`].
    stages: Vec<Histogram>,
    total: Histogram,
}

impl Default for ResultMeter {
    fn default() -> Self {
        Self {
            outcomes: Mutex::default(),
            stages: StageTimes::STAGES
                .iter()
                .map(|_| Histogram::default())
                .collect(),
            total: Histogram::default(),
        }
    }
}

impl ResultMeter {
    /// A picture ended so. Allocates nothing once the modality and its outcome were seen.
    ///
    /// `modality` and `outcome` become labels: names that the model has, words of ours.
    pub fn count(&self, modality: &str, outcome: &'static str) {
        let mut outcomes = lock(&self.outcomes);
        if !outcomes.contains_key(modality) {
            outcomes.insert(modality.to_owned(), BTreeMap::new());
        }
        if let Some(outcomes) = outcomes.get_mut(modality) {
            *outcomes.entry(outcome).or_default() += 1;
        }
    }

    /// A mask took so long. Allocates nothing.
    pub fn time(&self, times: &StageTimes) {
        for (stage, seconds) in StageTimes::STAGES.iter().zip(&self.stages) {
            seconds.observe((stage.time)(times) / 1e3);
        }
        self.total.observe(times.total / 1e3);
    }

    /// A job ended so: with a result, or with a problem of that name.
    pub fn job(&self, asked: &str, outcome: Result<&Segmentation, &'static str>) {
        match outcome {
            Ok(segmentation) => {
                self.count(&segmentation.modality, word(segmentation));
                self.time(&segmentation.times);
            }
            Err(problem) => self.count(asked, problem),
        }
    }
}

/// What there is to say of a mask in a word.
fn word(segmentation: &Segmentation) -> &'static str {
    let check = segmentation.check.as_ref();
    if check.is_some_and(picture::segmenter::ModalityCheck::is_mismatch) {
        "mismatch"
    } else if segmentation.probability.is_none() {
        "nothing-found"
    } else {
        "target"
    }
}

fn name(entrance: Entrance) -> &'static str {
    match entrance {
        Entrance::Queue => "queue",
        Entrance::Lane => "lane",
    }
}

/// All of them, by the way that they came in.
pub fn render(out: &mut Exposition, meters: &[(Entrance, &ResultMeter)]) {
    let mut results = out.counter(
        "espmedsam_results_total",
        "Pictures that the engine took and answered, by modality and outcome: of jobs target, nothing-found, mismatch \
         (kept) or a problem type; of live frames the state that the answer makes.",
    );
    for (entrance, meter) in meters {
        for (modality, outcomes) in lock(&meter.outcomes).iter() {
            for (outcome, count) in outcomes {
                let labels = [
                    ("entrance", name(*entrance)),
                    ("modality", modality),
                    ("outcome", outcome),
                ];
                results.put(&labels, count);
            }
        }
    }
    let mut stages = out.histogram(
        "espmedsam_stage_seconds",
        "Time of each stage of a picture's way, of pictures that got a mask.",
    );
    for (entrance, meter) in meters {
        for (stage, seconds) in StageTimes::STAGES.iter().zip(&meter.stages) {
            let labels = [("entrance", name(*entrance)), ("stage", stage.name)];
            seconds.put(&mut stages, &labels);
        }
    }
    let mut total = out.histogram(
        "espmedsam_result_seconds",
        "From acceptance to mask, all stages together.",
    );
    for (entrance, meter) in meters {
        (meter.total).put(&mut total, &[("entrance", name(*entrance))]);
    }
}
