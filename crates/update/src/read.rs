//! A package → its list, believed only once its signature is found good, and then its files, each checked as it comes.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::about::{LIST_BYTES, PackageKind};
use crate::digest::{CHUNK, Sha256Sum};
use crate::error::PackageError;
use crate::key::{Seal, UpdateKey};
use crate::list::{LIST, ListedFile, PackageList, SEAL};
use crate::tar::{self, BLOCK, Block};
use crate::version::ProgramVersion;

/// The device that a package comes to.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Whose packages it takes.
    pub keys: Vec<UpdateKey>,
    /// The product that it is.
    pub line: String,
    /// The program that runs.
    pub program: ProgramVersion,
    /// As `dpkg --print-architecture` says.
    pub architecture: String,
}

/// A package whose list is signed by a key of the device, and meant for it. Its memory is bounded by [`LIST_BYTES`] and a block of
/// 64 KiB, whatever it says.
#[derive(Debug)]
pub struct PackageReader<R> {
    input: R,
    list: PackageList,
    /// The list, byte for byte.
    text: Vec<u8>,
    seal: Seal,
}

/// What comes of a file.
#[derive(Debug)]
pub enum FilePiece<'a> {
    /// It begins.
    Begin,
    /// Some of it. Its hash is not known yet.
    Bytes(&'a [u8]),
    /// It is whole, and the one that was signed.
    Whole,
}

impl PackageReader<File> {
    /// Opens a package on disk.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn open(
        path: &Path,
        kind: PackageKind,
        recipient: &Recipient,
    ) -> Result<Self, PackageError> {
        // Asked before it is opened: opening a pipe waits for its other end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(PackageError::NotAFile { path: path.into() });
        }
        Self::new(File::open(path)?, kind, recipient)
    }
}

impl<R: Read> PackageReader<R> {
    /// Reads the list of a package, and checks all that can be checked before its files are read.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn new(
        mut input: R,
        kind: PackageKind,
        recipient: &Recipient,
    ) -> Result<Self, PackageError> {
        let text = read_list(&mut input)?;
        let seal = read_seal(&mut input)?;
        check_seal(&text, &seal, &recipient.keys)?;
        let list = PackageList::read(&text)?;
        recipient.check(&list, kind)?;
        Ok(Self {
            input,
            list,
            text,
            seal,
        })
    }

    /// What it says of itself.
    pub fn list(&self) -> &PackageList {
        &self.list
    }

    /// The list as it was signed, and its seal.
    pub(crate) fn signed(&self) -> [(&'static str, Vec<u8>); 2] {
        let seal = self.seal.to_string().into_bytes();
        [(LIST, self.text.clone()), (SEAL, seal)]
    }

    /// Hands its files over, in their order. What was handed over is to be used only if this ends well.
    ///
    /// # Errors
    /// [`PackageError`], or what `take` said.
    pub fn unpack<E: From<PackageError>>(
        mut self,
        mut take: impl FnMut(&ListedFile, FilePiece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut chunk = vec![0; CHUNK];
        for file in &self.list.files {
            tar::check(&read_block(&mut self.input)?, &file.path, file.bytes)?;
            take(file, FilePiece::Begin)?;
            let mut hasher = Sha256::new();
            let mut left = file.bytes;
            while left > 0 {
                let count = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
                let piece = &mut chunk[..count];
                read(&mut self.input, piece)?;
                hasher.update(&*piece);
                take(file, FilePiece::Bytes(piece))?;
                left -= count as u64;
            }
            let found = Sha256Sum::from(hasher);
            if found != file.sha256 {
                return Err(E::from(PackageError::Hash {
                    file: file.path.clone(),
                    listed: file.sha256,
                    found,
                }));
            }
            read_zeros(&mut self.input, tar::padding(file.bytes), &file.path)?;
            take(file, FilePiece::Whole)?;
        }
        read_zeros(&mut self.input, tar::END, "the end")?;
        match self.input.read(&mut chunk[..1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(E::from(PackageError::Trailing)),
            Err(error) => Err(E::from(error.into())),
        }
    }
}

impl Recipient {
    /// Whether a package is meant for this device.
    fn check(&self, list: &PackageList, kind: PackageKind) -> Result<(), PackageError> {
        if list.kind != kind {
            return Err(PackageError::OtherKind { found: list.kind });
        }
        if list.line != self.line {
            return Err(PackageError::OtherLine {
                found: list.line.clone(),
                expected: self.line.clone(),
            });
        }
        if list.min_program > self.program {
            return Err(PackageError::NeedsProgram {
                needs: list.min_program,
                installed: self.program,
            });
        }
        match &list.architecture {
            Some(found) if *found != self.architecture => Err(PackageError::Architecture {
                found: found.clone(),
                expected: self.architecture.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn read(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), PackageError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => PackageError::Cut,
        _ => PackageError::Read(error),
    })
}

fn read_block(input: &mut impl Read) -> Result<Block, PackageError> {
    let mut block = [0; BLOCK];
    read(input, &mut block)?;
    Ok(block)
}

fn read_zeros(input: &mut impl Read, count: usize, at: &str) -> Result<(), PackageError> {
    let mut zeros = [0; tar::END];
    let zeros = &mut zeros[..count];
    read(input, zeros)?;
    match zeros.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(PackageError::Damaged { at: at.into() }),
    }
}

fn read_list(input: &mut impl Read) -> Result<Vec<u8>, PackageError> {
    let block = read_block(input)?;
    if !block.starts_with(LIST.as_bytes()) {
        return Err(PackageError::NotAPackage);
    }
    let bytes = tar::size(&block).unwrap_or(0);
    tar::check(&block, LIST, bytes)?;
    if bytes > LIST_BYTES {
        return Err(PackageError::ListSize { bytes });
    }
    let mut text = vec![0; bytes as usize];
    read(input, &mut text)?;
    read_zeros(input, tar::padding(bytes), LIST)?;
    Ok(text)
}

fn read_seal(input: &mut impl Read) -> Result<Seal, PackageError> {
    let checked = tar::check(&read_block(input)?, SEAL, Seal::BYTES);
    checked.map_err(|error| match error {
        PackageError::Missing { .. } | PackageError::OtherFile { .. } => PackageError::Unsigned,
        error => error,
    })?;
    let mut line = [0; Seal::BYTES as usize];
    read(input, &mut line)?;
    read_zeros(input, tar::padding(Seal::BYTES), SEAL)?;
    Seal::read(&line).ok_or(PackageError::Seal)
}

fn check_seal(list: &[u8], seal: &Seal, keys: &[UpdateKey]) -> Result<(), PackageError> {
    if keys.is_empty() {
        return Err(PackageError::NoKeys);
    }
    let key = keys.iter().find(|key| key.id() == seal.key);
    let key = key.ok_or(PackageError::UnknownKey { id: seal.key })?;
    match key.approves(list, seal) {
        true => Ok(()),
        false => Err(PackageError::BadSignature {
            name: key.name().into(),
        }),
    }
}
