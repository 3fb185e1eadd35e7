use std::borrow::Cow;
use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use super::failure::Failure;
use super::frames_file::FramesFile;
use super::inputs::{self, Inputs};
use super::model_args::ModelArgs;
use super::output::{self, Target, Written};
use dicom::{
    AnswerMaker, AskedRegion, FrameSelection, GreyWindow, Identity, IntakeWish, TakenFile,
    TakenPicture,
};
use engine::flow::{Pipeline, Subject};
use picture::mask::sizes::Caliper;
use picture::report::{Extras, Form, beside};
use picture::scale::PixelSize;
use picture::segmenter::{Ask, EngineError, OnMismatch};

/// Most bytes of masks of one file that are held for an object.
const MOST_MASKS: u64 = 512 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct SegmentArgs {
    /// Pictures, or folders of pictures: those directly in them, by their names' endings.
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// What kind of picture it is; never guessed (`espmedsam models` lists them) unless `auto` asks for it. Several, with commas between them or
    /// given one by one: each picture is segmented as each, and what they have in common is computed once. Of DICOM it may be
    /// left out: what the file says is taken, and said.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
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
    /// Which frames of a DICOM file, from 0: `7`, `0,5,10-20` or `all`; the first if not given.
    #[arg(long, value_name = "FRAMES")]
    frames: Option<FrameSelection>,
    /// Which grey values of a DICOM file are shown, centre and width after rescaling; as the file says if not given.
    #[arg(long, value_name = "CENTRE,WIDTH", allow_hyphen_values = true)]
    window: Option<GreyWindow>,
    /// The part of each picture to look at, x,y,width,height, or the number of one of a DICOM file's ultrasound regions,
    /// from 1. The mask is of the whole picture all the same.
    #[arg(long, value_name = "REGION")]
    region: Option<AskedRegion>,
    /// Whether DICOM objects (seg, seg-fractional, sr, sr-outlines, capture) say who they are of.
    #[arg(long, value_enum, default_value_t = Identified::Removed)]
    identity: Identified,
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
    /// A file for one picture, a folder (made if need be) for several, for several modalities, or if it ends in `/`; `-`:
    /// standard output, for one picture and modality.
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

/// [`Identity`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Identified {
    /// They do not (PS3.15, E).
    Removed,
    /// The patient and the study of their source are in them.
    Kept,
}

impl From<Identified> for Identity {
    fn from(identified: Identified) -> Self {
        match identified {
            Identified::Removed => Self::Removed,
            Identified::Kept => Self::Kept,
        }
    }
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
    if args.modality.is_empty()
        && let Some(path) = inputs.not_dicom()
    {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "{path} does not tell what kind of picture it is: say --modality"
        )));
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
    let one_frame = args.frames.as_ref().is_none_or(FrameSelection::is_one);
    let one_file = one_frame || args.format.holds_all_frames();
    let outputs = Outputs::of(args, inputs.single && asks.len() <= 1 && one_file)?;

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
    let errand = Errand {
        wish: IntakeWish {
            modality: args.modality.first().cloned(),
            page: args.page,
            frames: args.frames.clone(),
            window: args.window,
            region: args.region,
            scale: args.pixel_mm.into(),
            objects: (!args.format.objects().is_empty()).then(|| args.identity.into()),
        },
        asks,
        on_mismatch: args.on_mismatch.into(),
        written: args.format,
        extras: Extras {
            sizes: args.sizes,
            caliper: args.caliper,
            ..Extras::default()
        },
        outputs,
        one_frame,
        protected: &protected,
    };
    let mut failed = 0;
    for (path, name) in &inputs.pictures {
        let told = match errand.run(&pipeline, path, name) {
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
        let folder =
            |out: &Path| out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/");
        match &args.out {
            Some(out) if !stdout && single && !folder(out) => Ok(Self::File(out.clone())),
            Some(out) if !stdout => {
                std::fs::create_dir_all(out)
                    .map_err(|error| Failure::Failed(format!("{}: {error}", out.display())))?;
                Ok(Self::Folder(out.clone()))
            }
            _ if !single => Err(Failure::Usage(
                "several pictures or modalities: say which folder with -o".into(),
            )),
            _ if args.format == Written::Npy || args.format.objects().len() > 1 => Err(
                Failure::Usage("these are two files: say where with -o".into()),
            ),
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

/// What is asked of each picture, what to write for it and where, and what never to write over.
struct Errand<'a> {
    wish: IntakeWish,
    /// None: of DICOM, as the file says.
    asks: Vec<Ask>,
    on_mismatch: OnMismatch,
    written: Written,
    extras: Extras,
    outputs: Outputs,
    one_frame: bool,
    protected: &'a HashSet<PathBuf>,
}

impl Errand<'_> {
    /// Segments one file. Gives what is to be doubted about the results.
    fn run(&self, pipeline: &Pipeline, path: &Path, name: &str) -> Result<Vec<String>, Failure> {
        let bytes = inputs::read(path).map_err(Failure::Failed)?;
        let limits = pipeline.limits();
        let intake = TakenFile::of(bytes, &self.wish, limits, u32::MAX);
        let intake = intake.map_err(EngineError::from)?;
        let suggested = || -> Result<Vec<Ask>, Failure> {
            let modality = intake.suggested_modality.ok_or_else(|| {
                Failure::Usage(
                    "its file does not say what kind of picture it is: say --modality".into(),
                )
            })?;
            Ok(vec![Ask {
                on_mismatch: self.on_mismatch,
                ..Ask::new(modality)
            }])
        };
        let asks = match self.asks.as_slice() {
            [] => Cow::Owned(suggested()?),
            asks => Cow::Borrowed(asks),
        };
        let mut doubts = Vec::new();
        let together = self.written.holds_all_frames();
        let begin = || self.begin(&intake, asks.len());
        let mut files = begin()?;
        for TakenPicture { picture, frame } in &intake.pictures {
            let name = match frame {
                Some(frame) if !self.one_frame && !together => format!("{name}.frame-{frame:04}"),
                _ => name.into(),
            };
            let targets = self.targets(&name, &asks)?;
            let subject = Subject {
                scale: &intake.scale,
                region: intake.region,
                ..Subject::from(picture)
            };
            let results = pipeline.segment_all(&subject, &asks)?;
            if files.is_empty() {
                for (result, target) in results.into_iter().zip(&targets) {
                    doubts.extend(output::put(result, self.written, target, self.extras)?);
                }
                continue;
            }
            for (result, files) in results.into_iter().zip(&mut files) {
                // Said of each frame, it is said once.
                let doubted = beside(&result).doubts;
                doubts.extend(doubted.filter(|doubt| !doubts.contains(doubt)));
                for file in files {
                    file.add(frame.unwrap_or(0), result.clone())?;
                }
            }
            if !together {
                self.put(std::mem::replace(&mut files, begin()?), &targets)?;
            }
        }
        if together {
            self.put(files, &self.targets(name, &asks)?)?;
        }
        Ok(doubts)
    }

    /// What is to be put together of a file, for each modality; none if each result is written by itself.
    fn begin(&self, file: &TakenFile, modalities: usize) -> Result<Vec<Vec<FramesFile>>, Failure> {
        if self.written == Written::Nifti {
            let count = u32::try_from(file.pictures.len()).unwrap_or(u32::MAX);
            let stack = || vec![FramesFile::Stack { count, begun: None }];
            return Ok((0..modalities).map(|_| stack()).collect());
        }
        let forms = self.written.objects();
        if forms.is_empty() {
            return Ok(Vec::new());
        }
        let (program, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let maker = AnswerMaker::of_process(program, version, MOST_MASKS)
            .map_err(|error| Failure::Failed(error.to_string()))?;
        let object = |form: &Form| {
            let answer = file.answer(*form, maker.clone())?;
            Some(FramesFile::Object(Box::new(answer)))
        };
        let objects = || forms.iter().filter_map(object).collect();
        Ok((0..modalities).map(|_| objects()).collect())
    }

    fn put(&self, files: Vec<Vec<FramesFile>>, targets: &[Target]) -> Result<(), Failure> {
        for (files, target) in files.into_iter().zip(targets) {
            output::put_frames_files(files, self.written, target)?;
        }
        Ok(())
    }

    /// Where each answer goes.
    fn targets(&self, name: &str, asks: &[Ask]) -> Result<Vec<Target>, Failure> {
        let target = |ask: &Ask| match asks.len() {
            1 => self.outputs.target(name),
            _ => self.outputs.target(&format!("{name}.{}", ask.modality)),
        };
        let targets: Vec<Target> = asks.iter().map(target).collect();
        let paths = |target| output::paths(self.written, target);
        let over = targets.iter().flat_map(paths).find(|out| {
            out.canonicalize()
                .is_ok_and(|out| self.protected.contains(&out))
        });
        match over {
            Some(out) => Err(Failure::Failed(format!(
                "its output {} would overwrite a picture",
                out.display()
            ))),
            None => Ok(targets),
        }
    }
}
