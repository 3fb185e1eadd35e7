use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use indicatif::ProgressBar;
use serde::Serialize;

use super::console::print;
use super::failure::Failure;
use super::files::write;
use super::model_args::ModelArgs;
use super::table::Table;
use super::{dump, inputs, layers};
use engine::flow::Subject;
use engine::service::Latency;
use picture::NOTICE;
use picture::frame::{self, Frame, FrameLimits, Stop};
use picture::segmenter::{Ask, EngineError, OnMismatch, Picture, StageTimes, millis};

#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// Picture to run on; a made-up one of the model's side if not given.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Modality; the model's first one if not given. Several, with commas between them or given one by one: each run
    /// segments the picture as all of them at once, and the time of doing so one by one is said as well.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    modality: Vec<String>,
    /// BenchFigures runs, after warm-up.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Write the figures to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Say as well where the time goes, layer by layer; of several views, in the first.
    #[arg(long)]
    layers: bool,
    /// Write what every layer gives for the picture, or its first view, to `DIR/GRAPH/NODE.npy`.
    #[arg(long, value_name = "DIR", requires = "layers")]
    dump: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

/// The JSON report.
#[derive(Serialize)]
struct BenchFigures<'a> {
    notice: &'a str,
    model: &'a str,
    side: usize,
    /// With commas between them, if several.
    modality: String,
    /// As asked for; 0 is one per core.
    threads: u16,
    runs: usize,
    /// Loading, and one run.
    warm_up_ms: f64,
    stages: Vec<StageTime>,
    /// Median of the time for several modalities one by one; `total` is that for all at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    one_by_one_ms: Option<f64>,
    peak_memory_mib: Option<f64>,
}

#[derive(Serialize)]
struct StageTime {
    stage: &'static str,
    p50_ms: f64,
    p95_ms: f64,
    max_ms: f64,
}

impl StageTime {
    /// Of the stage's time in each run, ms; `None` of no runs.
    fn of(stage: &'static str, runs: impl Iterator<Item = f64>) -> Option<Self> {
        let Latency { p50, p95, max } = Latency::of(runs)?;
        Some(Self {
            stage,
            p50_ms: p50,
            p95_ms: p95,
            max_ms: max,
        })
    }
}

pub(super) fn run(args: &BenchArgs, models: Option<&Path>) -> Result<(), Failure> {
    let pipeline = args.model.pipeline(models)?;
    let model = pipeline.store().model(None)?;
    let mut modalities = args.modality.clone();
    if let (true, Some(first)) = (modalities.is_empty(), model.modalities.first()) {
        modalities.push(first.name.clone());
    }
    let asks: Vec<Ask> = modalities
        .iter()
        .map(|modality| Ask {
            on_mismatch: OnMismatch::Keep,
            ..Ask::new(modality.as_str())
        })
        .collect();
    let bytes = args.image.as_ref().map(|path| {
        inputs::read(path)
            .map_err(|reason| Failure::Failed(format!("{}: {reason}", path.display())))
    });
    let picture = match bytes.transpose()? {
        Some(bytes) => Picture::from(bytes),
        None => Picture::Frame(Arc::new(made_up(model.side)?)),
    };

    let started = Instant::now();
    asks.iter()
        .try_for_each(|ask| pipeline.warm_up(ask).map(|_| ()))?;
    let warm_up_ms = millis(started.elapsed());
    let segment = |asks: &[Ask]| -> Result<StageTimes, EngineError> {
        let results = pipeline.segment_all(&Subject::from(&picture), asks)?;
        Ok(results.iter().map(|result| result.times).sum())
    };
    let bar = ProgressBar::new(args.runs.into());
    let (mut runs, mut one_by_one) = (Vec::new(), Vec::new());
    for _ in 0..args.runs {
        runs.push(segment(&asks)?);
        if asks.len() > 1 {
            let each = asks.chunks(1).map(segment);
            let times: StageTimes = each.sum::<Result<_, _>>()?;
            one_by_one.push(times.total);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    // Nothing waits in a queue here.
    let worked = StageTimes::STAGES
        .iter()
        .filter(|stage| stage.key != "queue")
        .filter_map(|stage| StageTime::of(stage.name, runs.iter().map(stage.time)));
    let total = StageTime::of("total", runs.iter().map(|times| times.total));
    let report = BenchFigures {
        notice: NOTICE,
        model: &model.name,
        side: model.side,
        modality: modalities.join(","),
        threads: args.model.threads,
        runs: runs.len(),
        warm_up_ms,
        stages: worked.chain(total).collect(),
        one_by_one_ms: Latency::of(one_by_one).map(|latency| latency.p50),
        peak_memory_mib: peak_memory_mib(),
    };
    print(text(&report))?;
    // Of several, the first: the others differ in weights, not in layers.
    if let (true, Some(ask)) = (args.layers, asks.first()) {
        let frame = match &picture {
            Picture::File(file) => {
                let frame = frame::decode(&file.bytes, &FrameLimits::default());
                Arc::new(frame.map_err(EngineError::from)?)
            }
            Picture::Frame(frame) => frame.clone(),
            Picture::Read(read) => read.frame.clone(),
            Picture::Undecoded(file) => {
                let decoded = file.read(&Stop::never()).map_err(EngineError::from)?;
                Arc::new(decoded.frame)
            }
        };
        print(layers::profile(&pipeline, ask, &frame, args.runs)?)?;
        if let Some(dir) = &args.dump {
            dump::dump(&pipeline, ask, &frame, dir)?;
        }
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::Failed(error.to_string()))?;
        write(path, (text + "\n").as_bytes())?;
    }
    Ok(())
}

fn text(report: &BenchFigures<'_>) -> String {
    let mut table = Table::new(["stage", "p50 ms", "p95 ms", "max ms"]);
    for StageTime {
        stage,
        p50_ms,
        p95_ms,
        max_ms,
    } in &report.stages
    {
        table.row([
            (*stage).into(),
            format!("{p50_ms:.2}"),
            format!("{p95_ms:.2}"),
            format!("{max_ms:.2}"),
        ]);
    }
    let threads = if report.threads == 0 {
        "one thread per core".into()
    } else {
        format!("{} threads", report.threads)
    };
    let apart = report
        .one_by_one_ms
        .map(|ms| format!("one by one: {ms:.2} ms\n"));
    let apart = apart.unwrap_or_default();
    let memory = report
        .peak_memory_mib
        .map_or("unknown".into(), |mib| format!("{mib:.0} MiB"));
    format!(
        "{} ({}²), {}, {threads}, {} runs\n\n{table}\n{apart}warm-up (load and one run): {:.0} ms; peak memory: {memory}\n{NOTICE}\n",
        report.model, report.side, report.modality, report.runs, report.warm_up_ms
    )
}

/// A picture with structure at several scales, the same every time.
fn made_up(side: usize) -> Result<Frame, EngineError> {
    let shade = |x: usize, y: usize| (x * 255 / side) ^ (y * 255 / side);
    let rgb = (0..side * side)
        .flat_map(|ix| [shade(ix % side, ix / side) as u8; 3])
        .collect();
    Ok(Frame::new(side as u32, side as u32, rgb)?)
}

/// Highest resident memory of this process so far (`VmHWM`, proc(5)); only Linux tells.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
