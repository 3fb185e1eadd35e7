use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::console::print;
use super::failure::Failure;
use super::files::write;
use super::inputs;
use super::model_args::ModelArgs;
use super::table::Table;
use crate::eval::dataset::{Case, Selection, cases};
use crate::eval::detection::{Detection, detections};
use crate::eval::summary::{Agreement, Gathered, PictureRow, Summary};
use engine::flow::Pipeline;
use picture::NOTICE;
use picture::frame::{self, FrameLimits};
use picture::mask::Mask;
use picture::mask::agreement::compare;
use picture::mask::ellipse::Ellipse;
use picture::mask::polygons::{largest, polygons};
use picture::mask::regions::Regions;
use picture::scale::PixelSize;
use picture::segmenter::{Ask, OnMismatch};

#[derive(Debug, clap::Args)]
pub(super) struct EvalArgs {
    /// Folder of index.csv (dataset, modality, stem, image, mask, …).
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Split (dataset, stem, split, …).
    #[arg(long, value_name = "FILE.csv")]
    split: PathBuf,
    /// Part of the split.
    #[arg(long, default_value = "val")]
    part: String,
    /// Only this data set; may be repeated.
    #[arg(long)]
    dataset: Vec<String>,
    /// Write the figures to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

/// The JSON report.
#[derive(Serialize)]
struct Evaluation<'a> {
    notice: &'a str,
    model: &'a str,
    model_sha256: &'a str,
    part: &'a str,
    datasets: &'a [Summary],
    /// Whether anything is there at all: of modalities that have pictures without a target.
    presence: &'a [Detection],
    pictures: &'a [PictureRow],
    /// Pictures that could not be measured, with the reason.
    failed: &'a [String],
}

pub(super) fn run(args: &EvalArgs, models: Option<&Path>) -> Result<(), Failure> {
    let selection = Selection {
        data: &args.data,
        split: &args.split,
        part: &args.part,
        datasets: &args.dataset,
    };
    let cases = cases(&selection).map_err(|error| Failure::Usage(error.to_string()))?;
    let pipeline = args.model.pipeline(models)?;
    let bar = ProgressBar::new(cases.values().map(|cases| cases.len() as u64).sum());
    // The template is checked by the test of this command; a wrong one would only cost the bar its looks.
    if let Ok(style) = ProgressStyle::with_template("{msg:14} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    let (mut summaries, mut pictures, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (dataset, cases) in &cases {
        bar.set_message(dataset.clone());
        let mut gathered = Gathered::default();
        for case in cases {
            match measure(&pipeline, case, &mut gathered) {
                Ok(row) => pictures.push(PictureRow {
                    dataset: dataset.clone(),
                    ..row
                }),
                Err(reason) => {
                    let reason = format!("{dataset}/{}: {reason}", case.stem);
                    bar.suspend(|| eprintln!("{reason}"));
                    failed.push(reason);
                }
            }
            bar.inc(1);
        }
        let modality = cases
            .first()
            .map(|case| case.modality.as_str())
            .unwrap_or_default();
        summaries.push(gathered.summary(dataset, modality));
    }
    bar.finish_and_clear();

    let model = pipeline.store().model(None)?;
    let presence = detections(&pictures);
    print(format!(
        "{}{}{}\n{NOTICE}\n",
        table(&summaries),
        circumferences(&summaries),
        detected(&presence)
    ))?;
    if let Some(path) = &args.json {
        let evaluation = Evaluation {
            notice: NOTICE,
            model: &model.name,
            model_sha256: &model.sha256,
            part: &args.part,
            datasets: &summaries,
            presence: &presence,
            pictures: &pictures,
            failed: &failed,
        };
        let text = serde_json::to_string_pretty(&evaluation)
            .map_err(|error| Failure::Failed(error.to_string()))?;
        write(path, (text + "\n").as_bytes())?;
    }
    match failed.len() {
        0 => Ok(()),
        some => Err(Failure::Failed(format!(
            "{some} pictures could not be measured"
        ))),
    }
}

/// One picture, into the figures of its data set and as a row of its own (whose data set is left out).
fn measure(
    pipeline: &Pipeline,
    case: &Case,
    gathered: &mut Gathered,
) -> Result<PictureRow, String> {
    let truth = ground_truth(&inputs::read(&case.mask)?)?;
    let ask = Ask {
        on_mismatch: OnMismatch::Keep,
        ..Ask::new(case.modality.clone())
    };
    let found = pipeline
        .segment_file(&inputs::read(&case.image)?, &ask)
        .map_err(|error| error.to_string())?;
    let mask = &found.mask;
    let mut row = PictureRow {
        stem: case.stem.clone(),
        modality: case.modality.clone(),
        empty: !truth.pixels().contains(&255),
        marked: mask.pixels().contains(&255),
        presence: found.presence,
        confidence: found.confidence,
        signs: found.signs.map(|signs| signs.array()),
        modality_score: found.check.as_ref().map(|check| check.score),
        mismatch: found.check.is_some_and(|check| check.is_mismatch()),
        ..PictureRow::default()
    };
    if let Some(by_hand) = case.measured {
        let pixel = PixelSize::new([by_hand.pixel_mm; 2]).map_err(|error| error.to_string())?;
        let regions = polygons(&Regions::find(mask));
        let ellipse = largest(&regions).and_then(|head| Ellipse::of(head, pixel));
        row.circumference_error_mm = ellipse.map(|e| e.circumference() - by_hand.circumference_mm);
        gathered.circumference(row.circumference_error_mm);
    }
    if row.mismatch {
        gathered.mismatch();
    }
    if row.empty {
        gathered.empty(row.marked);
    } else {
        let scores = compare(mask, &truth).map_err(|error| error.to_string())?;
        (row.dice, row.iou, row.hd95_px) = (Some(scores.dice), Some(scores.iou), scores.hd95);
        gathered.target(&scores);
    }
    Ok(row)
}

/// A mask file: target where brighter than half.
fn ground_truth(bytes: &[u8]) -> Result<Mask, String> {
    let frame = frame::decode(bytes, &FrameLimits::default()).map_err(|error| error.to_string())?;
    let pixels = frame
        .rgb()
        .chunks_exact(3)
        .map(|rgb| if rgb[0] > 127 { 255 } else { 0 })
        .collect();
    Mask::new(frame.width(), frame.height(), pixels).map_err(|error| error.to_string())
}

/// A line for each data set whose circumferences are known.
fn circumferences(summaries: &[Summary]) -> String {
    let known = summaries
        .iter()
        .filter_map(|s| s.circumference.map(|c| (&s.dataset, c)));
    let line = |(dataset, c): (&String, Agreement)| {
        format!(
            "{dataset}: circumference of {} ellipses ({} without): mean absolute error {:.2} mm, mean difference {:+.2} \
             mm, 95 % limits of agreement {:+.2} to {:+.2} mm\n",
            c.images, c.unmeasured, c.mean_absolute, c.mean_difference, c.limits[0], c.limits[1]
        )
    };
    known.map(line).collect()
}

/// A table of how far pictures with a target are told from those without; nothing without such modalities.
fn detected(presence: &[Detection]) -> String {
    if presence.is_empty() {
        return String::new();
    }
    let share = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.3}"));
    let mut table = Table::new([
        "modality",
        "source",
        "with target",
        "sensitivity",
        "empty",
        "share marked",
        "presence, ROC area",
    ]);
    for of in presence {
        let each = of
            .sources
            .iter()
            .map(|(name, figures)| (name.as_str(), figures));
        for (source, figures) in [("all", &of.all)].into_iter().chain(each) {
            table.row([
                of.modality.clone(),
                source.into(),
                figures.targets.to_string(),
                share(figures.sensitivity),
                figures.empty.to_string(),
                share(figures.empty_marked),
                share(figures.roc_area),
            ]);
        }
    }
    format!("\n{table}")
}

fn table(summaries: &[Summary]) -> Table {
    let mut table = Table::new([
        "data set",
        "modality",
        "images",
        "Dice mean",
        "Dice median",
        "IoU mean",
        "HD95 mean, px",
        "empty",
        "falsely marked",
        "mismatches",
    ]);
    let figure = |value: Option<f64>, digits: usize| {
        value.map_or("–".into(), |value| format!("{value:.digits$}"))
    };
    for summary in summaries {
        let distance = figure(summary.hd95_mean_px, 1);
        table.row([
            summary.dataset.clone(),
            summary.modality.clone(),
            summary.images.to_string(),
            figure(summary.dice_mean, 3),
            figure(summary.dice_median, 3),
            figure(summary.iou_mean, 3),
            // A mean over fewer pictures says over how many.
            if summary.hd95_images == summary.images {
                distance
            } else {
                format!("{distance} (of {})", summary.hd95_images)
            },
            summary.empty.to_string(),
            summary.falsely_marked.to_string(),
            summary.mismatches.to_string(),
        ]);
    }
    table
}
