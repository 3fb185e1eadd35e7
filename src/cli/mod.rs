//! The command line.

mod bench;
mod cameras;
mod console;
mod dump;
mod eval;
mod failure;
mod files;
mod inputs;
mod layers;
mod live;
mod model_args;
mod models;
mod output;
mod segment;
mod serve;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use picture::NOTICE;

use failure::Failure;

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
    Segment(segment::SegmentArgs),
    /// Serve the HTTP API and its page.
    #[command(after_help = NOTICE)]
    Serve(serve::ServeArgs),
    /// Watch a source of video, and serve its overlay and the HTTP API.
    #[command(after_help = NOTICE)]
    Live(live::LiveArgs),
    /// List models and modalities, and check their files.
    #[command(after_help = NOTICE)]
    Models,
    /// List cameras and grabbers, and what they offer.
    #[command(after_help = NOTICE)]
    Cameras,
    /// Measure accuracy against ground truth.
    #[command(after_help = NOTICE)]
    Eval(eval::EvalArgs),
    /// Measure the time of each stage.
    #[command(after_help = NOTICE)]
    Bench(bench::BenchArgs),
}

/// Runs the command of this process's arguments: 0 on success, 1 if anything failed, 2 on wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { models, command } = Cli::parse();
    let models = models.as_deref();
    let outcome = match command {
        Command::Segment(args) => segment::run(&args, models),
        Command::Serve(args) => serve::run(&args, models),
        Command::Live(args) => live::run(&args, models),
        Command::Models => models::run(models),
        Command::Cameras => cameras::run(),
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
