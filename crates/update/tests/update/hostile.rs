//! Packages that are wrong, cut, changed or made to do harm: each is refused, for the right reason, and leaves nothing behind.

use counting::Taken;
use update::{FilePiece, ModelStore, PackageError, PackageKind, PackageReader, UpdateError};

use crate::workshop::*;

/// Reads a package to its end, as a device does.
fn read(package: &[u8]) -> Result<usize, PackageError> {
    let reader = PackageReader::new(package, PackageKind::Models, &recipient())?;
    let mut whole = 0;
    reader.unpack(|_, piece| {
        whole += usize::from(matches!(piece, FilePiece::Whole));
        Ok::<_, PackageError>(())
    })?;
    Ok(whole)
}

/// An entry of tar, of any sort: name, type, the size it claims, what follows.
struct Entry<'a>(&'a str, u8, &'a str, &'a [u8]);

impl Entry<'_> {
    /// POSIX.1-1988, 10.1.1.
    fn bytes(&self) -> Vec<u8> {
        let Self(name, kind, size, content) = self;
        let mut header = vec![0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000644\x000000000\x000000000\0");
        put(124, size.as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[*kind]);
        put(257, b"ustar\x0000");
        put(329, b"0000000\x000000000\0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header.extend_from_slice(content);
        header.resize(header.len().next_multiple_of(512), 0);
        header
    }
}

fn plain(name: &str, content: &[u8]) -> Vec<u8> {
    Entry(name, b'0', &format!("{:011o}", content.len()), content).bytes()
}

/// Where the package's entries begin, list and seal first, and where its end does.
fn places(package: &[u8]) -> Vec<usize> {
    let mut places = vec![0];
    let mut at = 0;
    while package[at] != 0 {
        let size = str::from_utf8(&package[at + 124..at + 135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap();
        at += 512 + size.next_multiple_of(512);
        places.push(at);
    }
    places
}

/// A good package with its `index`th entry replaced.
fn with(index: usize, entry: &[u8]) -> Vec<u8> {
    let package = models(5);
    let places = places(&package);
    [
        &package[..places[index]],
        entry,
        &package[places[index + 1]..],
    ]
    .concat()
}

/// A good package with the text of its list changed, and signed again.
fn relisted(from: &str, to: &str) -> Vec<u8> {
    let package = models(5);
    let places = places(&package);
    let size = str::from_utf8(&package[124..135]).unwrap();
    let size = usize::from_str_radix(size, 8).unwrap();
    let list = str::from_utf8(&package[512..512 + size]).unwrap();
    assert!(list.contains(from), "{list}");
    let list = list.replacen(from, to, 1);
    let seal = seal(list.as_bytes());
    let (list, seal) = (
        plain("package.toml", list.as_bytes()),
        plain("package.sig", &seal),
    );
    [list, seal, package[places[2]..].to_vec()].concat()
}

/// The maker's seal on any bytes: made here, by another way than the crate's.
fn seal(list: &[u8]) -> Vec<u8> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::{Signer, SigningKey};
    let key = SigningKey::from_bytes(&[7; 32]);
    let signed = [b"espmedsam package, format 1\n", list].concat();
    let signature = STANDARD.encode(key.sign(&signed).to_bytes());
    format!("ed25519 {} {signature}\n", secret().public().id()).into_bytes()
}

#[test]
fn a_good_package_is_read_to_its_end_and_any_tar_can_read_it() {
    let package = models(5);
    assert_eq!(read(&package).unwrap(), FILES.len());
    assert_eq!(relisted("ultrasound", "ultrasound"), package);
    let stick = Stick::with(&package);
    let out = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(stick.package())
        .arg("--directory")
        .arg(out.path())
        .status();
    assert!(status.unwrap().success());
    for (path, text) in &FILES[1..] {
        let found = std::fs::read_to_string(out.path().join(path)).unwrap();
        assert_eq!(found, *text, "{path}");
    }
}

#[test]
fn a_package_cut_anywhere_is_cut_short() {
    let package = models(5);
    for cut in 0..package.len() {
        let error = read(&package[..cut]).unwrap_err();
        assert!(matches!(error, PackageError::Cut), "{cut}: {error}");
    }
}

#[test]
fn a_package_with_any_bit_turned_is_refused() {
    let package = models(5);
    for at in 0..package.len() {
        for bit in 0..8 {
            let mut changed = package.clone();
            changed[at] ^= 1 << bit;
            assert!(read(&changed).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn what_was_changed_is_told_apart() {
    let package = models(5);
    let places = places(&package);
    let turned = |at: usize| {
        let mut changed = package.clone();
        changed[at] ^= 1;
        read(&changed).unwrap_err()
    };
    let error = turned(512 + 20);
    assert!(matches!(&error, PackageError::BadSignature { name } if name == "maker-2026"));
    let error = turned(places[1] + 512 + 40);
    assert!(
        matches!(
            error,
            PackageError::BadSignature { .. } | PackageError::Seal
        ),
        "{error}"
    );
    let error = turned(places[3] + 512 + 7);
    assert!(matches!(&error, PackageError::Hash { file, .. } if file == FILES[1].0));
    let error = turned(places[3]);
    assert!(matches!(&error, PackageError::Damaged { at } if at == FILES[1].0));
    let error = turned(places[3] - 1);
    assert!(matches!(&error, PackageError::Damaged { at } if at == FILES[0].0));
    let error = turned(package.len() - 1);
    assert!(matches!(error, PackageError::Damaged { .. }), "{error}");
}

#[test]
fn what_follows_the_end_is_refused() {
    for more in [&b"\0"[..], b"x", &[0; 512], &models(5)] {
        let package = [&models(5)[..], more].concat();
        let error = read(&package).unwrap_err();
        assert!(matches!(error, PackageError::Trailing), "{error}");
    }
}

/// Replaces the first file's entry (`manifest.toml`) by what an enemy would.
#[test]
fn nothing_but_the_listed_files_is_unpacked() {
    let content = b"format = 1 # 5";
    let size = format!("{:011o}", content.len());
    let entry = |name: &str, kind: u8| Entry(name, kind, &size, content).bytes();
    let type_of = |kind: u8| format!("tar type '{}'", kind.escape_ascii());
    let mut cases: Vec<(Vec<u8>, String)> = Vec::new();
    // Hard and symbolic links, devices, a folder, a pipe, GNU's long names and sparse files, pax' words on the next file and
    // on all, an old tar's plain file.
    for kind in *b"1234567LKSNMVDxgAXZ\0" {
        cases.push((entry("manifest.toml", kind), type_of(kind)));
        let none = Entry("manifest.toml", kind, "00000000000", b"").bytes();
        cases.push((none, type_of(kind)));
    }
    for name in [
        "../manifest.toml",
        "/etc/passwd",
        "./manifest.toml",
        "release/../manifest.toml",
        "Manifest.toml",
        "manifest.toml/",
        "release/base.safetensors", // the next one, and so that one twice
        "package.toml",
        "package.sig",
        "",
        "manifest.toml\x1b[2J",
    ] {
        let found = format!(
            "has '{}' where 'manifest.toml'",
            name.as_bytes().escape_ascii()
        );
        cases.push((entry(name, b'0'), found));
    }
    for (claimed, found) in [
        ("77777777777", "8589934591 bytes"),
        ("00000000000", "0 bytes"),
        ("00000000015", "13 bytes"),
        ("00000000017", "15 bytes"),
        // Base 256, as GNU writes sizes over 8 GiB; no number; a negative one.
        (
            "\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f",
            "not packed as",
        ),
        ("0000000000x", "not packed as"),
        ("-0000000001", "not packed as"),
        ("       16", "not packed as"),
    ] {
        let entry = Entry("manifest.toml", b'0', claimed, content).bytes();
        cases.push((entry, found.into()));
    }
    let folder = tempfile::tempdir().unwrap();
    for (entry, expected) in cases {
        let stick = Stick::with(&with(2, &entry));
        let store = folder.path().join("models");
        let mut models = ModelStore::open(&store).unwrap();
        let found = message(models.add(&stick.package(), &recipient(), &mut trial));
        assert!(found.contains(&expected), "{expected}: {found}");
        assert!(
            found.chars().all(|letter| !letter.is_control()),
            "{found:?}"
        );
        assert_eq!(names(&store), [""; 0], "{expected}");
        assert_eq!(names(folder.path()), ["models"]);
    }
}

#[test]
fn entries_in_another_order_or_number_are_refused() {
    let package = models(5);
    let at = places(&package);
    let [list, seal, first, second, third, fourth, end] =
        std::array::from_fn(|i| &package[at[i]..*at.get(i + 1).unwrap_or(&package.len())]);
    let all = [list, seal, first, second, third, fourth, end];
    assert_eq!(all.concat(), package);
    for (parts, expected) in [
        (
            vec![seal, list, first, second, third, fourth, end],
            "not an espmedsam package",
        ),
        (
            vec![list, first, seal, second, third, fourth, end],
            "not signed",
        ),
        (vec![list, first, second, third, fourth, end], "not signed"),
        (vec![list, end, end], "not signed"),
        (
            vec![list, seal, second, first, third, fourth, end],
            "where 'manifest.toml' belongs",
        ),
        (
            vec![list, seal, first, second, third, end, &[0; 1024][..]],
            "ends before 'selftest/picture.png'",
        ),
        (
            vec![list, seal, first, first, second, third, fourth, end],
            "has 'manifest.toml' where 'release/base.safetensors' belongs",
        ),
    ] {
        let error = read(&parts.concat()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn lists_that_do_not_fit_the_device_or_themselves_are_refused() {
    for (from, to, expected) in [
        ("format = 1", "format = 2\nnews = true", "form 2"),
        ("format = 1", "format = 0", "list is wrong"),
        ("format = 1", "format = 1\nnews = true", "unknown field"),
        ("serial = 5", "serial = 0", "serial 0"),
        ("serial = 5", "serial = -1", "list is wrong"),
        (
            "serial = 5",
            "serial = 9223372036854775808",
            "list is wrong",
        ),
        ("\"pocket scope\"", "\"other\"", "is for 'other'"),
        ("\"models\"", "\"program\"", "no self test"),
        ("\"models\"", "\"firmware\"", "list is wrong"),
        (
            "\"0.3.0\"",
            "\"0.3.2\"",
            "needs program 0.3.2, and this is 0.3.1",
        ),
        ("\"0.3.0\"", "\"0.3\"", "such as 1.2.3"),
        ("2026-11-28", "\\u001b[2J", "created: expected a line"),
        ("ultrasound", "", "modality: expected a line"),
        (
            "\"selftest/picture.png\"",
            "\"other.png\"",
            "'other.png' is not listed",
        ),
        (
            "\"manifest.toml\"",
            "\"Manifest.toml\"",
            "without 'manifest.toml'",
        ),
        (
            "\"release/empty.bin\"",
            "\"../empty.bin\"",
            "'../empty.bin'",
        ),
        ("\"release/empty.bin\"", "\"/empty.bin\"", "'/empty.bin'"),
        ("\"release/empty.bin\"", "\"a//b\"", "'a//b'"),
        ("\"release/empty.bin\"", "\"a\\\\b\"", "list is wrong"),
        ("\"release/empty.bin\"", "\"a/.hidden\"", "'a/.hidden'"),
        ("\"release/empty.bin\"", "\"-rf\"", "'-rf'"),
        ("\"release/empty.bin\"", "\"package.sig\"", "'package.sig'"),
        (
            "\"release/empty.bin\"",
            "\"release/base.safetensors\"",
            "listed twice",
        ),
        (
            "\"release/empty.bin\"",
            "\"selftest\"",
            "a file and a folder",
        ),
        ("bytes = 512", "bytes = 4294967297", "more than 4294967296"),
        (
            "bytes = 512",
            "bytes = 9223372036854775807",
            "more than 4294967296",
        ),
        (
            "bytes = 512",
            "bytes = 513",
            "512 bytes and is listed with 513",
        ),
        (
            "bytes = 512",
            "bytes = 511",
            "512 bytes and is listed with 511",
        ),
        ("format = 1", "format = ", "list is wrong"),
    ] {
        let error = read(&relisted(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn a_signature_that_is_not_a_known_makers_is_refused() {
    let folder = folder(&FILES);
    let list = models_list(folder.path(), 5);
    let package = packed(folder.path(), &list, &stranger());
    let error = read(&package).unwrap_err();
    let id = stranger().public().id();
    assert!(matches!(&error, PackageError::UnknownKey { id: found } if *found == id));
    // The stranger's word, under the maker's name.
    let at = places(&package);
    let seal = String::from_utf8(package[at[1] + 512..at[2]].to_vec()).unwrap();
    let maker = secret().public().id().to_string();
    let forged = seal.trim_end_matches('\0').replace(&id.to_string(), &maker);
    let error = read(&with(1, &plain("package.sig", forged.as_bytes()))).unwrap_err();
    assert!(
        matches!(error, PackageError::BadSignature { .. }),
        "{error}"
    );

    let mut device = recipient();
    device.keys.push(stranger().public());
    let both = PackageReader::new(&package[..], PackageKind::Models, &device);
    assert_eq!(both.unwrap().list(), &list);
    device.keys.clear();
    let none = PackageReader::new(&package[..], PackageKind::Models, &device);
    assert!(matches!(none.unwrap_err(), PackageError::NoKeys));
}

#[test]
fn what_is_no_package_is_named_as_such() {
    for other in [&b"PK\x03\x04"[..], b"\x1f\x8b\x08", b"<html>"] {
        let mut file = other.to_vec();
        file.resize(2048, b'x');
        assert!(matches!(read(&file), Err(PackageError::NotAPackage)));
    }
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [pipe.as_path(), folder.path()] {
        let opened = PackageReader::open(path, PackageKind::Models, &recipient());
        assert!(matches!(opened, Err(PackageError::NotAFile { .. })));
    }
    let program = program(5);
    let error = read(&program).unwrap_err().to_string();
    assert!(error.contains("use 'espmedsam program add'"), "{error}");
}

#[test]
fn memory_is_bounded_whatever_a_package_says() {
    // As large as a header can say, and no list is: nothing of it is taken.
    let before = Taken::here();
    for size in ["77777777777", "00000200001"] {
        let mut package = Entry("package.toml", b'0', size, b"").bytes();
        package.resize(4096, b'x');
        let error = read(&package).unwrap_err();
        assert!(matches!(error, PackageError::ListSize { .. }), "{error}");
    }
    let taken = Taken::here().since(before);
    assert!(taken.bytes < 64 << 10, "{taken:?}");

    // A large file costs what a small one does.
    let big = "w".repeat(16 << 20);
    let mut files = FILES;
    files[1].1 = &big;
    let folder = folder(&files);
    let package = packed(folder.path(), &models_list(folder.path(), 5), &secret());
    let before = Taken::here();
    assert_eq!(read(&package).unwrap(), FILES.len());
    let taken = Taken::here().since(before);
    assert!(taken.bytes < 256 << 10, "{taken:?}");
}

#[test]
fn errors_of_packages_come_through_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ModelStore::open(folder.path()).unwrap();
    let missing = folder.path().join("missing");
    let error = store.add(&missing, &recipient(), &mut trial);
    assert!(matches!(
        error,
        Err(UpdateError::Package(PackageError::Read(_)))
    ));
}
