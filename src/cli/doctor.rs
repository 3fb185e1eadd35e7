use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use board::gpio::gpio_chips;

use super::console::print;
use super::failure::Failure;
use crate::doctor::report::Severity;
use crate::doctor::{Examination, ServiceUnit, Settings};
use crate::workshop::cameras;

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Configuration that the service goes by [default: /etc/espmedsam/config.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As the service is told.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Look at the files of another system, mounted there.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

pub(super) fn run(args: &DoctorArgs, models: Option<&Path>) -> Result<ExitCode, Failure> {
    let here = args.root == Path::new("/");
    let unit = here.then(ServiceUnit::installed).flatten();
    let settings = Settings::read(&args.root, unit.as_ref(), args.config.clone(), args.listen);
    let told = unit.as_ref().and_then(|unit| unit.option("--models"));
    let told = told.map(PathBuf::from);
    let examination = Examination {
        root: &args.root,
        settings,
        models: models.or(told.as_deref()),
        unit: unit.clone(),
        cameras: cameras(),
        chips: gpio_chips(),
        now: SystemTime::now(),
    };
    let report = examination.report();
    print(match args.json {
        true => {
            serde_json::to_string_pretty(&report)
                .map_err(|error| Failure::Failed(error.to_string()))?
                + "\n"
        }
        false => report.to_string(),
    })?;
    Ok(match report.verdict {
        Severity::Well => ExitCode::SUCCESS,
        Severity::Warning => ExitCode::from(1),
        Severity::Fault => ExitCode::from(2),
    })
}
