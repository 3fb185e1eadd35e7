//! At the clinic: what came in a signed package → models in use, or a program installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::inputs;
use crate::config::{Config, INSTALLED};
use embed::find_models;
use engine::flow::Pipeline;
use engine::manifest::file;
use engine::model::store::Store;
use picture::frame::FrameLimits;
use picture::segmenter::Ask;
use update::{
    Dpkg, MODELS_STORE, ModelStore, PROGRAM_STORE, ProgramStore, Recipient, SelfTest, Sha256Sum,
};

/// What the service gets to be ready in, once a new program is installed: more than systemd gives it.
const HEALTH_PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_secs(1);

/// Which package, and whose are believed.
#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// The package.
    file: PathBuf,
    /// The configuration, whose section [update] says whose packages are taken.
    #[arg(
        long,
        value_name = "FILE",
        default_value = INSTALLED
    )]
    config: PathBuf,
    /// Where packages are kept, if not in the usual place.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// Where packages are kept, if not in the usual place.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum ProgramCommand {
    /// Check a package with a new program, install it, and go back if it does not do well (as root).
    Add(AddArgs),
    /// Go on with an installation that a power cut has ended; nothing, if there was none (as root).
    Resume(StoreArgs),
}

impl AddArgs {
    fn recipient(&self) -> Result<Recipient, Failure> {
        let config =
            Config::read(&self.config).map_err(|error| Failure::Usage(error.to_string()))?;
        let recipient = config.update.recipient();
        recipient.ok_or_else(|| {
            let path = self.config.display();
            Failure::Usage(format!(
                "{path} has no [update] with line and keys: no package is believed (docs/updates.md)"
            ))
        })
    }
}

/// Of models.
fn folder(asked: Option<&PathBuf>) -> PathBuf {
    asked.cloned().unwrap_or_else(|| MODELS_STORE.into())
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

pub(super) fn add_models(args: &AddArgs) -> Result<(), Failure> {
    let recipient = args.recipient()?;
    let mut store = ModelStore::open(&folder(args.store.as_ref())).map_err(failed)?;
    let mut trial = PackageTrial::default();
    let added = store.add(&args.file, &recipient, &mut |folder, test| {
        trial.mask(folder, test)
    });
    let held = added.map_err(failed)?;
    println!(
        "Models {held} are whole, gave the masks they must, and are used from the next start: sudo systemctl restart espmedsam"
    );
    Ok(())
}

pub(super) fn roll_back_models(args: &StoreArgs) -> Result<(), Failure> {
    let mut store = ModelStore::open(&folder(args.store.as_ref())).map_err(failed)?;
    let rollback = store.rollback().map_err(failed)?;
    println!("{rollback}\nFrom the next start: sudo systemctl restart espmedsam");
    Ok(())
}

pub(super) fn program(command: &ProgramCommand) -> Result<(), Failure> {
    let (ProgramCommand::Add(AddArgs { store, .. }) | ProgramCommand::Resume(StoreArgs { store })) =
        command;
    let store = store.clone().unwrap_or_else(|| PROGRAM_STORE.into());
    let recipient = match command {
        ProgramCommand::Add(args) => Some((&args.file, args.recipient()?)),
        ProgramCommand::Resume(_) => None,
    };
    let mut store = ProgramStore::open(&store).map_err(failed)?;
    // What a power cut left half done comes first.
    let resumed = store.resume(&mut Dpkg, &mut healthy).map_err(failed)?;
    if let Some(held) = resumed {
        println!("Program {held}, whose installation had been cut off, is installed.");
    }
    if let Some((file, recipient)) = recipient {
        let held = store.add(file, &recipient, &mut Dpkg, &mut healthy);
        println!(
            "Program {} is installed, and serves.",
            held.map_err(failed)?
        );
    }
    Ok(())
}

/// A unit of `Type=notify` is active once it has said that it is ready: a picture has gone through the model.
fn healthy() -> Result<(), String> {
    let until = Instant::now() + HEALTH_PATIENCE;
    loop {
        let status = Command::new("systemctl")
            .args(["is-active", "--quiet", "espmedsam.service"])
            .status()
            .map_err(|error| format!("systemctl cannot be run: {error}"))?;
        if status.success() {
            return Ok(());
        }
        if Instant::now() > until {
            let seconds = HEALTH_PATIENCE.as_secs();
            return Err(format!("the service was not ready within {seconds} s"));
        }
        std::thread::sleep(LOOK);
    }
}

/// Models that are being tried, loaded once for all pictures.
#[derive(Default)]
pub(super) struct PackageTrial(Option<Pipeline>);

impl PackageTrial {
    /// What comes of a picture.
    pub(super) fn mask(&mut self, folder: &Path, test: &SelfTest) -> Result<Sha256Sum, String> {
        let pipeline = match self.0.take() {
            Some(pipeline) => pipeline,
            None => {
                let store = Store::open(folder, None).map_err(|error| error.to_string())?;
                let pipeline = Pipeline::new(Arc::new(store), 0, FrameLimits::default());
                pipeline.map_err(|error| error.to_string())?
            }
        };
        let pipeline = self.0.insert(pipeline);
        let bytes = inputs::read(&folder.join(&test.picture))?;
        let ask = Ask {
            model: test.model.clone(),
            ..Ask::new(test.modality.as_str())
        };
        let result = pipeline.segment_file(&bytes, &ask);
        let result = result.map_err(|error| error.to_string())?;
        Ok(Sha256Sum::of(result.mask.pixels()))
    }
}

/// The models folder to serve from: itself, not the link to it, so that what is added while it serves changes nothing of what it
/// loads. Models that came in a package and are not whole are gone back from, which is logged and told
/// by the doctor; those before them are used.
pub(super) fn models_to_serve(
    asked: Option<&Path>,
    configured: Option<&Path>,
) -> Result<PathBuf, Failure> {
    loop {
        let dir = find_models(asked, configured)?;
        let store = Path::new(MODELS_STORE);
        if ModelStore::current(store).as_ref() != Some(&dir) {
            return Ok(dir);
        }
        let Some(fault) = fault(&dir) else {
            return Ok(dir.canonicalize().unwrap_or(dir));
        };
        let back = ModelStore::open(store).and_then(|mut store| store.fall_back(&fault));
        match back {
            Ok(rollback) => tracing::error!("{rollback}"),
            // Served as it is: the engine says what is wrong with it, and is never ready.
            Err(error) => {
                tracing::error!("{fault}; {error}");
                return Ok(dir);
            }
        }
    }
}

/// What is wrong with a models folder.
fn fault(dir: &Path) -> Option<String> {
    let store = match Store::open(dir, None) {
        Ok(store) => store,
        Err(error) => return Some(error.to_string()),
    };
    let files = store
        .manifest()
        .models
        .iter()
        .flat_map(|model| &model.files);
    let mut files: Vec<_> = files.collect();
    files.sort_by_key(|file| &file.path);
    files.dedup_by_key(|file| &file.path);
    let fault = files
        .into_iter()
        .find_map(|spec| file::check(dir, spec).err());
    fault.map(|error| error.to_string())
}
