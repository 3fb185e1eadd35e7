//! On the device: who may call from other machines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access::{AuditLog, AuditRecord, NewToken, Scope, TlsIdentity, TokenRoll, make_access_folder};
use durable::SystemDisk;
use picture::utc::Utc;

use super::failure::Failure;
use super::table::Table;
use crate::config::{Config, INSTALLED};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Whoever writes the record from here.
const WHO: &str = "this device";

#[derive(Debug, clap::Args)]
pub(super) struct AccessArgs {
    /// The configuration, whose section [access] names the folder.
    #[arg(long, value_name = "FILE", default_value = INSTALLED, global = true)]
    config: PathBuf,
    /// The folder of tokens, certificate and record, if not the configuration's.
    #[arg(long, value_name = "DIR", global = true)]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    command: AccessCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AccessCommand {
    /// Make a token, and show it: this once. It counts within a second.
    Add {
        /// Whose it is to be.
        name: String,
        /// What it is to be good for; may be given more than once: read, segment, control, admin.
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<Scope>,
        /// How long it is to be good; for good, if nothing is said.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        days: Option<u32>,
    },
    /// List tokens, what each is good for, and until when.
    List,
    /// Take a token away. Who has shown it is let in no more, within a second.
    Remove {
        /// Whose it is.
        name: String,
    },
    /// Tell the fingerprint of the certificate that callers see.
    Fingerprint,
    /// Tell what was changed by whom, look whether the record was altered, and tell its newest hash.
    Record,
}

pub(super) fn run(args: &AccessArgs) -> Result<(), Failure> {
    let config = match &args.folder {
        Some(_) if !args.config.exists() => Config::default(),
        _ => Config::read(&args.config).map_err(|error| Failure::Usage(error.to_string()))?,
    };
    let folder = args.folder.clone().or_else(|| config.access.folder.clone());
    let folder = folder.ok_or_else(|| {
        let path = args.config.display();
        Failure::Usage(format!(
            "{path} has no [access] with a folder (docs/access.md)"
        ))
    })?;
    match &args.command {
        AccessCommand::Add { name, scope, days } => {
            let lasts = days.map(|days| DAY * days);
            let scopes = scope.iter().copied().collect();
            let name = name.clone();
            let new = NewToken {
                name,
                scopes,
                lasts,
            };
            add(&folder, new)
        }
        AccessCommand::List => list(&folder),
        AccessCommand::Remove { name } => remove(&folder, name),
        AccessCommand::Fingerprint => fingerprint(&folder, &config),
        AccessCommand::Record => record(&folder),
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

fn add(folder: &Path, new: NewToken) -> Result<(), Failure> {
    make_access_folder(folder, &SystemDisk).map_err(failed)?;
    let mut roll = TokenRoll::read(folder).map_err(failed)?;
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.name()).collect();
    let what = format!("token {} added: {}", new.name, scopes.join(", "));
    let added = roll.add(new, SystemTime::now());
    let secret = added.map_err(|error| Failure::Usage(error.to_string()))?;
    roll.write(folder, &SystemDisk).map_err(failed)?;
    write_down(folder, &what);
    println!("{}", secret.text());
    eprintln!("Shown this once: keep it where nobody else reads it.");
    Ok(())
}

fn list(folder: &Path) -> Result<(), Failure> {
    let roll = TokenRoll::read(folder).map_err(failed)?;
    let day = |seconds: u64| {
        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let text = time.map(|time| Utc::new(time).extended());
        text.map_or_else(|| "never".into(), |text| text[..10].to_owned())
    };
    let mut table = Table::new(["token", "scopes", "made", "until"]);
    for token in roll.tokens() {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
        let until = match token.ends {
            None => "for good".into(),
            Some(ends) if token.has_ended(SystemTime::now()) => format!("over ({})", day(ends)),
            Some(ends) => day(ends),
        };
        table.row([
            token.name.clone(),
            scopes.join(", "),
            day(token.made),
            until,
        ]);
    }
    print!("{table}");
    Ok(())
}

fn remove(folder: &Path, name: &str) -> Result<(), Failure> {
    let mut roll = TokenRoll::read(folder).map_err(failed)?;
    let removed = roll.remove(name);
    removed.map_err(|error| Failure::Usage(error.to_string()))?;
    roll.write(folder, &SystemDisk).map_err(failed)?;
    write_down(folder, &format!("token {name} removed"));
    Ok(())
}

fn fingerprint(folder: &Path, config: &Config) -> Result<(), Failure> {
    let own = config
        .access
        .certificate
        .as_ref()
        .zip(config.access.key.as_ref());
    let identity = match own {
        Some((certificate, key)) => Some(TlsIdentity::read(certificate, key)),
        None => TlsIdentity::kept(folder).transpose(),
    };
    let none =
        "there is no certificate yet: the service makes one when it starts with access.listen";
    let identity = identity.ok_or_else(|| Failure::Failed(none.into()))?;
    println!("SHA-256 {}", identity.map_err(failed)?.fingerprint());
    Ok(())
}

fn record(folder: &Path) -> Result<(), Failure> {
    let record = AuditRecord::read(folder).map_err(failed)?;
    for line in &record.lines {
        println!("{:>6}  {}  {}: {}", line.n, line.at, line.who, line.what);
    }
    println!("whole, newest {}", record.hash);
    Ok(())
}

/// Not a fault of the command: what it was to do is done.
fn write_down(folder: &Path, what: &str) {
    let audit = AuditLog::new(folder, Arc::new(SystemDisk));
    if let Err(error) = audit.write(WHO, what, SystemTime::now()) {
        eprintln!("espmedsam: not written down: {error}");
    }
}
