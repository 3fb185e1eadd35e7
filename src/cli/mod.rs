//! The command line.

mod bench;
mod dump;
mod eval;
mod files;
mod inputs;
mod layers;
mod models;
mod output;
mod segment;
mod serve;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::config::find_models;
use compute::kernels::Cpu;
use engine::flow::Pipeline;
use engine::manifest::ManifestError;
use engine::model::ModelError;
use engine::model::store::Store;
use files::write;
use picture::NOTICE;
use picture::frame::FrameLimits;
use picture::segmenter::EngineError;

/// Prompt-free medical image segmentation (ESP-MedSAM) on the device.
#[derive(Debug, Parser)]
#[command(name = "espmedsam", version, after_help = NOTICE, after_long_help = NOTICE)]
struct Cli {
    /// Folder of manifest.toml [default: the configuration's, else ./models, else ../share/espmedsam/models beside
    /// this program].
    #[arg(long, value_name = "DIR", global = true)]
    models: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Segment pictures.
    #[command(after_help = NOTICE)]
    Segment(segment::Args),
    /// Serve the HTTP API and its page.
    #[command(after_help = NOTICE)]
    Serve(serve::Args),
    /// List models and modalities, and check their files.
    #[command(after_help = NOTICE)]
    Models,
    /// Measure accuracy against ground truth.
    #[command(after_help = NOTICE)]
    Eval(eval::Args),
    /// Measure the time of each stage.
    #[command(after_help = NOTICE)]
    Bench(bench::Args),
}

/// Which model to use, and with how many threads.
#[derive(Debug, Args)]
struct ModelArgs {
    /// Model of the manifest; its default one if not given.
    #[arg(long)]
    model: Option<String>,
    /// Computing threads; 0: one per core.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=256))]
    threads: u16,
    #[arg(long, value_name = "NAME", help = cpu_help())]
    cpu: Option<Cpu>,
}

fn cpu_help() -> String {
    format!(
        "Instructions to compute with, of those that this machine has: {}; the last, which is the fastest, if not given. \
         The results are the same bit for bit",
        Cpu::names()
    )
}

impl ModelArgs {
    fn pipeline(&self, models: Option<&Path>) -> Result<Pipeline, Failure> {
        let cpu = self.cpu.unwrap_or_else(Cpu::best);
        let dir = find_models(models, None)?;
        let store = Store::open_for(&dir, self.model.as_deref(), cpu)?;
        Ok(Pipeline::new(
            Arc::new(store),
            self.threads.into(),
            FrameLimits::default(),
        )?)
    }
}

/// Why a command ended without success.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The command line asks for something that does not exist or fit together: exit code 2, as clap's own.
    #[error("{0}")]
    Usage(String),
    /// Something was tried and failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::UnknownModel { .. }
            | ModelError::UnknownModality { .. }
            | ModelError::Manifest(ManifestError::Nowhere { .. }) => Self::Usage(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        ModelError::from(error).into()
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::UnknownModel { .. }
            | EngineError::UnknownModality { .. }
            | EngineError::TwoModels { .. }
            | EngineError::NoGuard => Self::Usage(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// Runs the command of this process's arguments: 0 on success, 1 if anything failed, 2 on wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { models, command } = Cli::parse();
    let models = models.as_deref();
    let outcome = match command {
        Command::Segment(args) => segment::run(&args, models),
        Command::Serve(args) => serve::run(&args, models),
        Command::Models => models::run(models),
        Command::Eval(args) => eval::run(&args, models),
        Command::Bench(args) => bench::run(&args, models),
    };
    let Err(failure) = outcome else {
        return ExitCode::SUCCESS;
    };
    eprintln!("espmedsam: {failure}");
    match failure {
        Failure::Usage(_) => ExitCode::from(2),
        Failure::Failed(_) => ExitCode::FAILURE,
    }
}

/// Prints to standard output; a reader that has gone away (`| head`) is no fault.
fn print(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
