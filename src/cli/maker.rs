//! At the maker's: a folder of models, or a `.deb`, → a signed package.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::failure::Failure;
use super::files::write;
use super::updates::PackageTrial;
use picture::NOTICE;
use update::{
    FORMAT, PackageKind, PackageList, ProgramVersion, SelfTest, Sha256Sum, SigningSecret,
    list_file, list_files, pack,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum PackageCommand {
    /// Make a key. The secret goes to a file, which only its owner may read; the public key is printed.
    Keygen {
        /// What it is called: 1 to 64 letters, digits, `-`, `_` or `.`.
        name: String,
        /// The file of the secret key, which must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a package of a models folder.
    Models {
        #[command(flatten)]
        release: ReleaseArgs,
        /// A picture in that folder, whose mask must come out on the device bit for bit. At least one; best one for each modality.
        #[arg(long = "self-test", value_name = "MODALITY=PICTURE", required = true)]
        self_tests: Vec<Trialled>,
        /// The folder: `manifest.toml`, what it names, and the pictures.
        folder: PathBuf,
    },
    /// Make a package of a program.
    Program {
        #[command(flatten)]
        release: ReleaseArgs,
        /// As `dpkg --print-architecture` says on the device.
        #[arg(long, value_name = "NAME")]
        architecture: String,
        /// The package that dpkg installs.
        deb: PathBuf,
    },
}

/// What every package is told.
#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    /// The product: devices of other lines take none of it.
    #[arg(long)]
    line: String,
    /// Its place in the line, above all before it.
    #[arg(long)]
    serial: u64,
    /// For people.
    #[arg(long)]
    version: String,
    /// When it was made, for people.
    #[arg(long, value_name = "DATE")]
    created: String,
    /// The oldest program that can use it.
    #[arg(long, value_name = "VERSION")]
    min_program: ProgramVersion,
    /// The secret key's file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The package.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// A modality and a picture.
#[derive(Clone, Debug)]
pub(super) struct Trialled {
    modality: String,
    picture: String,
}

impl FromStr for Trialled {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('=').ok_or("expected MODALITY=PICTURE")?;
        Ok(Self {
            modality: parts.0.into(),
            picture: parts.1.into(),
        })
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

pub(super) fn run(command: &PackageCommand) -> Result<(), Failure> {
    match command {
        PackageCommand::Keygen { name, out } => {
            let secret = SigningSecret::generate(name).map_err(failed)?;
            secret.save(out).map_err(failed)?;
            println!("{}", secret.public());
            Ok(())
        }
        PackageCommand::Models {
            release,
            self_tests,
            folder,
        } => {
            let mut list = release.list(PackageKind::Models);
            list.files = list_files(folder).map_err(failed)?;
            let mut trial = PackageTrial::default();
            for Trialled { modality, picture } in self_tests {
                let mut test = SelfTest {
                    picture: picture.clone(),
                    modality: modality.clone(),
                    model: None,
                    mask_sha256: Sha256Sum::of(&[]),
                };
                let mask = trial.mask(folder, &test);
                let failed = |why: String| failed(format!("{modality}={picture}: {why}"));
                test.mask_sha256 = mask.map_err(failed)?;
                list.self_tests.push(test);
            }
            release.write(folder, &list)
        }
        PackageCommand::Program {
            release,
            architecture,
            deb,
        } => {
            let name = deb.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| failed("the .deb has no name"))?;
            let folder = deb.parent().unwrap_or(Path::new(""));
            let mut list = release.list(PackageKind::Program);
            list.architecture = Some(architecture.clone());
            list.files = vec![list_file(folder, name.into()).map_err(failed)?];
            release.write(folder, &list)
        }
    }
}

impl ReleaseArgs {
    fn list(&self, kind: PackageKind) -> PackageList {
        PackageList {
            format: FORMAT,
            notice: NOTICE.into(),
            kind,
            line: self.line.clone(),
            serial: self.serial,
            version: self.version.clone(),
            created: self.created.clone(),
            min_program: self.min_program,
            architecture: None,
            self_tests: Vec::new(),
            files: Vec::new(),
        }
    }

    fn write(&self, folder: &Path, list: &PackageList) -> Result<(), Failure> {
        let secret = SigningSecret::load(&self.key).map_err(failed)?;
        let mut bytes = Vec::new();
        pack(folder, list, &secret, &mut bytes).map_err(failed)?;
        write(&self.out, &bytes)?;
        println!(
            "{}: {} bytes, {} files, serial {}, signed by {}",
            self.out.display(),
            bytes.len(),
            list.files.len(),
            self.serial,
            secret.public()
        );
        Ok(())
    }
}
