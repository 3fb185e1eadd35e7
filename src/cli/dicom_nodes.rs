use std::path::{Path, PathBuf};

use dimse::{Deliver, DestinationKind, Destinations, RouteName, Sent};

use super::failure::Failure;
use crate::config::{Config, INSTALLED};

#[derive(Debug, clap::Subcommand)]
pub(super) enum DicomCommand {
    /// Ask a destination of the configuration whether it is there and lets this node in (C-ECHO; of a DICOMweb server, OPTIONS).
    Echo(DestinationArgs),
    /// Send DICOM files to a destination of the configuration, as they are; nothing is segmented.
    Send {
        #[command(flatten)]
        destination: DestinationArgs,
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct DestinationArgs {
    /// Configuration that names it [default: /etc/espmedsam/config.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Its name, under [[dicom.destinations]].
    #[arg(value_name = "NAME")]
    name: String,
}

pub(super) fn run(command: &DicomCommand) -> Result<(), Failure> {
    match command {
        DicomCommand::Echo(args) => {
            let (_, _, kind) = args.find()?;
            kind.echo()
                .map_err(|error| Failure::Failed(error.to_string()))?;
            println!("'{}' is there and lets this node in", args.name);
            Ok(())
        }
        DicomCommand::Send { destination, files } => send(destination, files),
    }
}

fn send(args: &DestinationArgs, files: &[PathBuf]) -> Result<(), Failure> {
    let (destinations, route, _) = args.find()?;
    let mut failed = 0;
    for file in files {
        match destinations.deliver(&route, file) {
            Ok(Sent::Stored) => {}
            Ok(Sent::WithWarning(status)) => {
                eprintln!("{}: stored, with status {status:04X}", file.display());
            }
            Err(error) => {
                failed += 1;
                eprintln!("{}: {error}", file.display());
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Failed(format!(
            "{failed} of {} files were not sent",
            files.len()
        ))),
    }
}

impl DestinationArgs {
    fn find(&self) -> Result<(Destinations, RouteName, DestinationKind), Failure> {
        let path = self.config.as_deref().unwrap_or(Path::new(INSTALLED));
        let config = Config::read(path).map_err(|error| Failure::Usage(error.to_string()))?;
        let plan = config
            .dicom
            .plan()
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let destinations = plan.destinations;
        let found = RouteName::new(&self.name)
            .and_then(|route| Some((route.clone(), destinations.0.get(&route)?.clone())));
        match found {
            Some((route, kind)) => Ok((destinations, route, kind)),
            None => {
                let names: Vec<_> = destinations.0.keys().map(RouteName::as_str).collect();
                let names = names.join(", ");
                Err(Failure::Usage(format!(
                    "{}: no destination '{}'; there are: {names}",
                    path.display(),
                    self.name
                )))
            }
        }
    }
}
