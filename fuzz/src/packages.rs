//! Packages: whatever they say, what is given as whole is what was listed, and no part of a package is taken for the whole.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use update::{
    FilePiece, PackageError, PackageKind, PackageReader, Recipient, Sha256Sum, SigningSecret,
};

/// The maker's, known to all: what is signed with it is no secret here.
const SEED: [u8; 32] = [7; 32];
/// What is between a list and the entries after it, in an input.
const BETWEEN: u8 = 0;

/// The first byte says what the rest is: 0: a package as it came. Else a list, a zero, and what follows it in the package, to be
/// put together and signed, so that what lies behind the signature is reached.
pub fn check_package(data: &[u8]) {
    let Some((form, rest)) = data.split_first() else {
        return;
    };
    let device = device();
    match form {
        0 => check(rest, &device),
        _ => check(&signed(rest, &device), &device),
    }
}

fn device() -> Recipient {
    let secret = SigningSecret::from_seed("maker", &SEED);
    Recipient {
        keys: secret.iter().map(SigningSecret::public).collect(),
        line: "scope".into(),
        program: "1.0.0".parse().expect("a version"),
        architecture: "arm64".into(),
    }
}

fn check(package: &[u8], device: &Recipient) {
    for kind in [PackageKind::Models, PackageKind::Program] {
        match read(package, kind, device) {
            Ok(()) => {
                let cut = read(&package[..package.len() - 1], kind, device);
                assert!(matches!(cut, Err(PackageError::Cut)));
                let more = [package, &[0]].concat();
                let more = read(&more, kind, device);
                assert!(matches!(more, Err(PackageError::Trailing)));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// What is given of a package, held against its list.
fn read(package: &[u8], kind: PackageKind, device: &Recipient) -> Result<(), PackageError> {
    let reader = PackageReader::new(package, kind, device)?;
    let files = reader.list().files.clone();
    let (mut given, mut content) = (Vec::new(), Vec::new());
    reader.unpack(|file, piece| {
        match piece {
            FilePiece::Begin => content.clear(),
            FilePiece::Bytes(bytes) => content.extend_from_slice(bytes),
            FilePiece::Whole => {
                assert_eq!(content.len() as u64, file.bytes);
                assert_eq!(Sha256Sum::of(&content), file.sha256);
                given.push(file.clone());
            }
        }
        Ok::<_, PackageError>(())
    })?;
    assert_eq!(given, files);
    Ok(())
}

/// List, seal, and the rest as it is.
fn signed(data: &[u8], device: &Recipient) -> Vec<u8> {
    let at = data.iter().position(|byte| *byte == BETWEEN);
    let (list, rest) = data.split_at(at.unwrap_or(data.len()));
    let message = [b"espmedsam package, format 1\n", list].concat();
    let signature = STANDARD.encode(SigningKey::from_bytes(&SEED).sign(&message).to_bytes());
    let id = device.keys.iter().map(|key| key.id().to_string());
    let seal = format!("ed25519 {} {signature}\n", id.collect::<String>());
    let mut package = entry("package.toml", list);
    package.extend(entry("package.sig", seal.as_bytes()));
    package.extend(rest.iter().skip(1));
    package
}

/// A file as `tar --format=ustar` writes it.
fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\x000000000\x000000000\0");
    put(
        124,
        format!("{:011o}\x0000000000000\0", content.len()).as_bytes(),
    );
    put(148, b"        0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\x000000000\0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = [&header, content].concat();
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}
