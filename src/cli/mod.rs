//! The command line.

mod access;
mod bench;
mod cameras;
mod console;
mod dicom_node;
#[cfg(feature = "dicom")]
mod dicom_nodes;
mod doctor;
mod dump;
mod eval;
mod failure;
mod files;
mod frames_file;
mod inputs;
mod layers;
mod live;
mod maker;
mod model_args;
mod models;
mod mqtt_reporter;
mod other_machines;
mod output;
mod segment;
mod serve;
mod setup;
mod table;
mod updates;

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
    /// List models and modalities, and check their files; or take new ones from a signed package.
    #[command(after_help = NOTICE)]
    Models {
        #[command(subcommand)]
        command: Option<ModelsCommand>,
    },
    /// Take a new program from a signed package.
    #[command(after_help = NOTICE)]
    Program {
        #[command(subcommand)]
        command: updates::ProgramCommand,
    },
    /// Make signed packages of models and programs, and the keys for them.
    #[command(after_help = NOTICE)]
    Package {
        #[command(subcommand)]
        command: maker::PackageCommand,
    },
    /// Ask the destinations of a DICOM network whether they are there, or send files to one.
    #[cfg(feature = "dicom")]
    #[command(after_help = NOTICE)]
    Dicom {
        #[command(subcommand)]
        command: dicom_nodes::DicomCommand,
    },
    /// Say who may call from other machines: make, list and take away tokens; tell what was changed by whom.
    #[command(after_help = NOTICE)]
    Access(access::AccessArgs),
    /// List cameras and grabbers, and what they offer.
    #[command(after_help = NOTICE)]
    Cameras,
    /// Look the device over: processor, models, cameras, GPIO chips, heat, memory, clock, configuration.
    #[command(after_help = NOTICE, long_about = "Looks the device over: processor, models, cameras, GPIO chips, heat, memory, \
        clock, configuration, and says what to do about each fault. Nothing of a patient is in it. Exit code: 0 all is well, 1 \
        warnings, 2 faults (or wrong usage).")]
    Doctor(doctor::DoctorArgs),
    /// Find the camera, look at its picture, choose modality, crop and pixel size, try the foot switch; writes the
    /// configuration. Can be run again.
    #[command(after_help = NOTICE)]
    Setup(setup::SetupArgs),
    /// Measure accuracy against ground truth.
    #[command(after_help = NOTICE)]
    Eval(eval::EvalArgs),
    /// Measure the time of each stage.
    #[command(after_help = NOTICE)]
    Bench(bench::BenchArgs),
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Check a package of models, try them with the maker's pictures, and use them from the next start (as root).
    Add(updates::AddArgs),
    /// Go back to the models before; once more: forth again (as root).
    Rollback(updates::StoreArgs),
}

/// Runs the command of this process's arguments: 0 on success, 1 if anything failed, 2 on wrong usage; `doctor` has codes of
/// its own.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { models, command } = Cli::parse();
    let models = models.as_deref();
    let done = |()| ExitCode::SUCCESS;
    let outcome = match command {
        Command::Segment(args) => segment::run(&args, models).map(done),
        Command::Serve(args) => serve::run(&args, models).map(done),
        Command::Live(args) => live::run(&args, models).map(done),
        Command::Models { command } => match command {
            None => models::run(models),
            Some(ModelsCommand::Add(args)) => updates::add_models(&args),
            Some(ModelsCommand::Rollback(args)) => updates::roll_back_models(&args),
        }
        .map(done),
        Command::Program { command } => updates::program(&command).map(done),
        Command::Package { command } => maker::run(&command).map(done),
        #[cfg(feature = "dicom")]
        Command::Dicom { command } => dicom_nodes::run(&command).map(done),
        Command::Access(args) => access::run(&args).map(done),
        Command::Cameras => cameras::run().map(done),
        Command::Doctor(args) => doctor::run(&args, models),
        Command::Setup(args) => setup::run(&args, models).map(done),
        Command::Eval(args) => eval::run(&args, models).map(done),
        Command::Bench(args) => bench::run(&args, models).map(done),
    };
    let failure = match outcome {
        Ok(code) => return code,
        Err(failure) => failure,
    };
    eprintln!("espmedsam: {failure}");
    match failure {
        Failure::Usage(_) => ExitCode::from(2),
        Failure::Configuration(_) => ExitCode::from(78),
        Failure::Failed(_) => ExitCode::FAILURE,
    }
}
