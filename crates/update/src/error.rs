//! What can be wrong, each with what a technician does about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::about::{FORMAT, HeldPackage, LIST_BYTES, PackageKind};
use crate::digest::Sha256Sum;
use crate::key::KeyId;
use crate::version::ProgramVersion;

/// Why a package is refused. Nothing of it was used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// It could not be read.
    #[error("the package cannot be read ({0}): plug the stick in again, or try another one")]
    Read(#[from] io::Error),
    /// A folder, a pipe, a device.
    #[error("{}: not a file: name the package itself", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// It does not begin as one.
    #[error("this is not an espmedsam package: name the file that the maker sent")]
    NotAPackage,
    /// It ends before it should.
    #[error(
        "the package is cut short: it was not copied to its end. Copy it again, and eject the stick before you pull it"
    )]
    Cut,
    /// It goes on after its end.
    #[error("something follows the end of the package: copy it again from what the maker sent")]
    Trailing,
    /// A file of the list is not there.
    #[error("the package ends before '{file}': it was made wrong. Ask the maker for another one")]
    Missing {
        /// Which.
        file: String,
    },
    /// Bytes that belong to no file are not as they must be.
    #[error(
        "the package is damaged at '{at}': copy it again, to another stick if this one did it before"
    )]
    Damaged {
        /// The file that they come before or after.
        at: String,
    },
    /// A link, a folder, a long name, a sparse file, an extension of tar.
    #[error(
        "'{file}' in the package is not a plain file (tar type '{kind}'): do not use it, and ask the maker where it is from"
    )]
    NotPlain {
        /// What it is called.
        file: String,
        /// Its type in tar.
        kind: String,
    },
    /// Another file than the one whose turn it is.
    #[error(
        "the package has '{found}' where '{expected}' belongs: do not use it, and ask the maker where it is from"
    )]
    OtherFile {
        /// What the list says.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A header that says the right things in another way.
    #[error(
        "'{file}' is not packed as espmedsam packs: packages are made by 'espmedsam package' alone"
    )]
    Header {
        /// Which.
        file: String,
    },
    /// The list is larger than any may be.
    #[error("the package's list has {bytes} bytes, more than {LIST_BYTES}: it is not one of ours")]
    ListSize {
        /// What its header says.
        bytes: u64,
    },
    /// The list is not followed by a signature.
    #[error("the package is not signed: do not use it. Ask the maker for a signed one")]
    Unsigned,
    /// The signature is not written as one.
    #[error("the package's signature is damaged: copy it again from what the maker sent")]
    Seal,
    /// The device was given no key.
    #[error("this device has no maker's key: put one into [update] keys of the configuration")]
    NoKeys,
    /// No key of the device made the signature.
    #[error(
        "the package is signed by the key {id}, which this device does not know: do not use it, unless the maker has said to you, by another way, that this is a new key of his"
    )]
    UnknownKey {
        /// What the package says.
        id: KeyId,
    },
    /// The signature is not the key's word on this list.
    #[error(
        "the signature by '{name}' does not fit the package: it was changed. Copy it again from what the maker sent; if that does not help, do not use it and tell the maker"
    )]
    BadSignature {
        /// The key's name.
        name: String,
    },
    /// Made for a later program.
    #[error(
        "the package has form {found}, and this program reads {FORMAT}: update the program first"
    )]
    NewerFormat {
        /// What it says.
        found: u32,
    },
    /// Its maker signed a list that does not hold together.
    #[error("the package's list is wrong ({reason}): ask the maker for another one")]
    List {
        /// What is wrong.
        reason: String,
    },
    /// Models where the program belongs, or the other way round.
    #[error("the package brings '{}': use 'espmedsam {} add'", found.word(), found.word())]
    OtherKind {
        /// What it brings.
        found: PackageKind,
    },
    /// For another product.
    #[error("the package is for '{found}', and this device is '{expected}': ask for the right one")]
    OtherLine {
        /// What the package says.
        found: String,
        /// What the device is.
        expected: String,
    },
    /// The program is too old for it.
    #[error("the package needs program {needs}, and this is {installed}: update the program first")]
    NeedsProgram {
        /// What it needs.
        needs: ProgramVersion,
        /// What there is.
        installed: ProgramVersion,
    },
    /// For another processor.
    #[error(
        "the program in the package is for {found}, and this device is {expected}: ask for the right one"
    )]
    Architecture {
        /// What the package says.
        found: String,
        /// What the device is.
        expected: String,
    },
    /// A file is not as long as it is listed.
    #[error(
        "'{file}' in the package has {found} bytes and is listed with {listed}: it was changed. Do not use it, and tell the maker"
    )]
    Size {
        /// Which.
        file: String,
        /// What was signed.
        listed: u64,
        /// What there is.
        found: u64,
    },
    /// A file is not the one that was signed.
    #[error(
        "'{file}' in the package is not what was signed (SHA-256 {found}, listed {listed}): copy it again; if that does not help, do not use it and tell the maker"
    )]
    Hash {
        /// Which.
        file: String,
        /// What was signed.
        listed: Sha256Sum,
        /// What there is.
        found: Sha256Sum,
    },
}

/// Why an update did not come to pass. What was in use still is, unless the message says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// It was accepted before.
    #[error(
        "package {serial} was installed already: there is nothing to do. If it was rolled back, 'rollback' goes to it again"
    )]
    Same {
        /// Its serial.
        serial: u64,
    },
    /// A later one was accepted before.
    #[error(
        "package {serial} is older than {accepted}, which was installed already: ask for a newer one"
    )]
    Old {
        /// Its serial.
        serial: u64,
        /// The highest that was ever accepted.
        accepted: u64,
    },
    /// There is no room.
    #[error("not enough space: {} MiB are needed in {}, {} MiB are free. Remove clips that are no longer needed, and try again", needed >> 20, folder.display(), free >> 20)]
    Space {
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
        /// Where.
        folder: PathBuf,
    },
    /// The new models could not be tried.
    #[error(
        "the new models do not work on this device ({modality}: {reason}); those in use were left as they are. Tell the maker"
    )]
    SelfTest {
        /// Of the picture.
        modality: String,
        /// What the engine said.
        reason: String,
    },
    /// The new models do something else here than at the maker's.
    #[error(
        "the new models give another mask for '{picture}' ({modality}) than at the maker's (SHA-256 {found}, listed {listed}); those in use were left as they are. Tell the maker, and check this device ('espmedsam doctor')"
    )]
    OtherMask {
        /// The picture.
        picture: String,
        /// Of the picture.
        modality: String,
        /// What was signed.
        listed: Sha256Sum,
        /// What came.
        found: Sha256Sum,
    },
    /// Nothing is there that could be gone back to.
    #[error("there is no earlier package to go back to")]
    NothingEarlier,
    /// The new program cannot be installed, or does not do well.
    #[error("program {package} was not kept ({reason}); {afterwards}")]
    Program {
        /// The new one.
        package: HeldPackage,
        /// What dpkg or the health check said.
        reason: String,
        /// What is there now.
        afterwards: Afterwards,
    },
    /// Another update is under way.
    #[error("another update is under way: wait for its end")]
    Busy,
    /// The disk.
    #[error("{doing} {}: {source}. See to the disk ('espmedsam doctor'), and try again", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What the store keeps of itself cannot be read.
    #[error("{}: {reason}. What is in use goes on; tell the maker before you remove this file, as it keeps old packages out", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What became of a device whose new program was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The one before is there again.
    WentBack(HeldPackage),
    /// The one before is not kept here.
    NothingKept,
    /// The one before could not be installed again, or does not do well either.
    Failed {
        /// Which.
        package: HeldPackage,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Afterwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WentBack(package) => write!(f, "program {package} is installed again"),
            Self::NothingKept => f.write_str(
                "there is no earlier package to go back to: install the .deb that was there before ('sudo apt install ./FILE.deb')",
            ),
            Self::Failed { package, reason } => write!(
                f,
                "going back to program {package} failed too ({reason}): run 'sudo dpkg --configure -a', then 'espmedsam doctor', and tell the maker"
            ),
        }
    }
}
