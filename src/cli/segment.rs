use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use super::failure::Failure;
use super::inputs::{self, Inputs};
use super::model_args::ModelArgs;
use super::output::{self, Target, Written};
use engine::flow::{Pipeline, Subject};
use picture::mask::sizes::Caliper;
use picture::report::{Extras, Form};
use picture::scale::{PixelSize, Scale};
use picture::segmenter::{Ask, OnMismatch, Picture, ReceivedFile};

#[derive(Debug, clap::Args)]
pub(super) struct SegmentArgs {
    /// Pictures, or folders of pictures: those directly in them, by their names' endings.
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// What kind of picture it is; never guessed (`espmedsam models` lists them) unless `auto` asks for it. Several, with commas between them or
    /// given one by one: each picture is segmented as each, and what they have in common is computed once.
    #[arg(long, required = true, value_delimiter = ',', value_name = "NAME")]
    modality: Vec<String>,
    /// What to write for each picture.
    #[arg(long, value_enum, default_value_t = Written::Report(Form::Png))]
    format: Written,
    /// What becomes of a picture that plainly is not of the modality.
    #[arg(long, value_enum, default_value_t = Mismatch::Refuse)]
    on_mismatch: Mismatch,
    /// Which page of a file with several, from 1; the first if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    page: Option<u32>,
    /// Millimetres per pixel, one number or two (column,row): JSON outputs then have the mask's ellipse and its
    /// circumference.
    #[arg(long, value_name = "MM")]
    pixel_mm: Option<PixelSize>,
    /// JSON outputs then have the sizes of the mask and of its regions, each with its unit and how far it is to be trusted.
    #[arg(long)]
    sizes: bool,
    /// A line over the picture, px from its top left corner: JSON outputs then have its length, and how much of it lies in
    /// the mask.
    #[arg(long, value_name = "X,Y,X,Y")]
    caliper: Option<Caliper>,
    /// A file for one picture, a folder (made if need be) for several, or for several modalities; `-`: standard output,
    /// for one picture and modality.
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

/// [`OnMismatch`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mismatch {
    /// It fails.
    Refuse,
    /// It is segmented all the same; JSON outputs say so.
    Keep,
}

impl From<Mismatch> for OnMismatch {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Refuse => Self::Refuse,
            Mismatch::Keep => Self::Keep,
        }
    }
}

pub(super) fn run(args: &SegmentArgs, models: Option<&Path>) -> Result<(), Failure> {
    let inputs = Inputs::collect(&args.inputs)?;
    if let Some(skipped) = inputs.skipped() {
        eprintln!("{skipped}");
    }
    let pipeline = args.model.pipeline(models)?;
    let mut asks: Vec<Ask> = Vec::new();
    for modality in &args.modality {
        let ask = Ask {
            on_mismatch: args.on_mismatch.into(),
            ..Ask::new(modality.as_str())
        };
        if asks.contains(&ask) {
            return Err(Failure::Usage(format!("--modality: '{modality}' twice")));
        }
        asks.push(ask);
    }
    // Fails now on what no picture could be asked, rather than once per picture.
    pipeline.check(&asks)?;
    let outputs = Outputs::of(args, inputs.single && asks.len() == 1)?;

    let protected: HashSet<PathBuf> = inputs
        .pictures
        .iter()
        .filter_map(|(path, _)| path.canonicalize().ok())
        .collect();
    let several = inputs.pictures.len() > 1;
    let bar = if several {
        ProgressBar::new(inputs.pictures.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    let scale = args.pixel_mm.into();
    let mut failed = 0;
    for (path, name) in &inputs.pictures {
        let targets = asks.iter().map(|ask| match asks.len() {
            1 => outputs.target(name),
            _ => outputs.target(&format!("{name}.{}", ask.modality)),
        });
        let errand = Errand {
            page: args.page,
            scale: &scale,
            written: args.format,
            extras: Extras {
                sizes: args.sizes,
                caliper: args.caliper,
                ..Extras::default()
            },
            targets: targets.collect(),
            protected: &protected,
        };
        let told = match one(&pipeline, path, &asks, &errand) {
            Ok(doubts) => doubts,
            Err(failure) => {
                failed += 1;
                vec![failure.to_string()]
            }
        };
        for line in told {
            bar.suspend(|| eprintln!("{}: {line}", path.display()));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    match (failed, inputs.pictures.len()) {
        (0, _) => Ok(()),
        (failed, all) => Err(Failure::Failed(format!(
            "{failed} of {all} pictures failed"
        ))),
    }
}

/// Where the outputs of a run go.
enum Outputs {
    Stdout,
    File(PathBuf),
    Folder(PathBuf),
}

impl Outputs {
    fn of(args: &SegmentArgs, single: bool) -> Result<Self, Failure> {
        let stdout = args.out.as_deref().is_none_or(|out| out == Path::new("-"));
        match &args.out {
            Some(out) if !stdout && single && !out.is_dir() => Ok(Self::File(out.clone())),
            Some(out) if !stdout => {
                std::fs::create_dir_all(out)
                    .map_err(|error| Failure::Failed(format!("{}: {error}", out.display())))?;
                Ok(Self::Folder(out.clone()))
            }
            _ if !single => Err(Failure::Usage(
                "several pictures or modalities: say which folder with -o".into(),
            )),
            _ if args.format == Written::Npy => {
                Err(Failure::Usage("npy is two files: say where with -o".into()))
            }
            None if !args.format.is_text() && std::io::stdout().is_terminal() => Err(
                Failure::Usage("this output is not for a terminal: say where with -o".into()),
            ),
            _ => Ok(Self::Stdout),
        }
    }

    fn target(&self, name: &str) -> Target {
        match self {
            Self::Stdout => Target::Stdout,
            Self::File(path) => Target::File(path.clone()),
            Self::Folder(dir) => Target::Folder(dir.clone(), name.into()),
        }
    }
}

/// Which page to segment of one picture, how large its pixels are, what to write for it and what of that only if asked, where for each modality, and what
/// never to write over.
struct Errand<'a> {
    page: Option<u32>,
    scale: &'a Scale,
    written: Written,
    extras: Extras,
    targets: Vec<Target>,
    protected: &'a HashSet<PathBuf>,
}

/// Gives what is to be doubted about the results.
fn one(
    pipeline: &Pipeline,
    path: &Path,
    asks: &[Ask],
    errand: &Errand<'_>,
) -> Result<Vec<String>, Failure> {
    let paths = |target| output::paths(errand.written, target);
    for out in errand.targets.iter().flat_map(paths) {
        if out
            .canonicalize()
            .is_ok_and(|out| errand.protected.contains(&out))
        {
            return Err(Failure::Failed(format!(
                "its output {} would overwrite a picture",
                out.display()
            )));
        }
    }
    let bytes = inputs::read(path).map_err(Failure::Failed)?;
    let picture = Picture::File(ReceivedFile {
        bytes,
        page: errand.page,
    });
    let subject = Subject {
        scale: errand.scale,
        ..Subject::from(&picture)
    };
    let results = pipeline.segment_all(&subject, asks)?;
    let results = results.into_iter().zip(&errand.targets);
    let put =
        |(result, target)| output::put(result, errand.written, target, errand.extras).transpose();
    results.filter_map(put).collect()
}
