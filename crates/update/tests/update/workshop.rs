//! A maker's workshop: small packages, right and wrong, and a device that they come to.

use std::path::{Path, PathBuf};

use update::{
    FORMAT, HeldPackage, PackageKind, PackageList, Recipient, SelfTest, Sha256Sum, SigningSecret,
    UpdateError, list_files, pack,
};

/// What the models' files hold: one longer than a block of tar, one that fills it, one without a byte.
pub const FILES: [(&str, &str); 4] = [
    ("manifest.toml", "format = 1"),
    ("release/base.safetensors", BASE),
    ("release/empty.bin", ""),
    ("selftest/picture.png", "a picture"),
];

const BASE: &str = match str::from_utf8(&[b'w'; 512]) {
    Ok(text) => text,
    Err(_) => "",
};

pub fn secret() -> SigningSecret {
    SigningSecret::from_seed("maker-2026", &[7; 32]).unwrap()
}

pub fn stranger() -> SigningSecret {
    SigningSecret::from_seed("stranger", &[8; 32]).unwrap()
}

/// The device.
pub fn recipient() -> Recipient {
    Recipient {
        keys: vec![secret().public()],
        line: "pocket scope".into(),
        program: "0.3.1".parse().unwrap(),
        architecture: "arm64".into(),
    }
}

/// A folder with these files, and what would list it.
pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

pub fn models_list(folder: &Path, serial: u64) -> PackageList {
    PackageList {
        format: FORMAT,
        notice: "Research use only. Not for clinical use.".into(),
        kind: PackageKind::Models,
        line: "pocket scope".into(),
        serial,
        version: format!("2026.{serial}"),
        created: "2026-11-28".into(),
        min_program: "0.3.0".parse().unwrap(),
        architecture: None,
        self_tests: vec![SelfTest {
            picture: "selftest/picture.png".into(),
            modality: "ultrasound".into(),
            model: None,
            mask_sha256: mask(folder, "selftest/picture.png"),
        }],
        files: list_files(folder).unwrap(),
    }
}

/// What stands for a mask: of all the weights and the picture.
pub fn mask(models: &Path, picture: &str) -> Sha256Sum {
    let read = |path: &str| std::fs::read(models.join(path)).unwrap();
    let all = ["manifest.toml", "release/base.safetensors", picture].map(read);
    Sha256Sum::of(&all.concat())
}

/// The engine.
pub fn trial(models: &Path, test: &SelfTest) -> Result<Sha256Sum, String> {
    Ok(mask(models, &test.picture))
}

pub fn packed(folder: &Path, list: &PackageList, secret: &SigningSecret) -> Vec<u8> {
    let mut package = Vec::new();
    pack(folder, list, secret, &mut package).unwrap();
    package
}

/// Models with a serial, as a package. Each serial has weights of its own.
pub fn models(serial: u64) -> Vec<u8> {
    let mut files = FILES;
    let text = format!("format = 1 # {serial}");
    files[0].1 = &text;
    let folder = folder(&files);
    let list = models_list(folder.path(), serial);
    packed(folder.path(), &list, &secret())
}

/// A program with a serial, as a package.
pub fn program(serial: u64) -> Vec<u8> {
    let folder = folder(&[("espmedsam.deb", &format!("program {serial}"))]);
    let list = PackageList {
        kind: PackageKind::Program,
        architecture: Some("arm64".into()),
        self_tests: Vec::new(),
        files: list_files(folder.path()).unwrap(),
        ..models_list(self::folder(&FILES).path(), serial)
    };
    packed(folder.path(), &list, &secret())
}

/// A package on a stick.
pub struct Stick(tempfile::TempDir);

impl Stick {
    pub fn with(package: &[u8]) -> Self {
        let stick = Self(tempfile::tempdir().unwrap());
        std::fs::write(stick.package(), package).unwrap();
        stick
    }

    pub fn package(&self) -> PathBuf {
        self.0.path().join("update.esp")
    }
}

pub fn held(serial: u64) -> HeldPackage {
    HeldPackage {
        serial,
        version: format!("2026.{serial}"),
    }
}

pub fn message<T>(result: Result<T, UpdateError>) -> String {
    result.err().expect("an error").to_string()
}

/// Names of what is in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
