//! The house keeps its order: crates, folders and files import one way, as the tables below say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod circles;
mod kept;
mod source;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use circles::circles;
use kept::{KEPT, UNSAFE};
use source::{Crate, Imports};
use tables::{HOUSE, Storey};

fn repository(path: &str) -> PathBuf {
    espmedsam_testing::repository(path)
}

impl Storey {
    fn read(&self) -> Crate {
        let source = repository(self.place).join("src");
        let read = |path: &Path| std::fs::read_to_string(source.join(path)).ok();
        Crate::read(Path::new(self.root), &read)
    }

    fn imports(&self) -> Imports {
        self.read().imports()
    }

    /// What a table of rooms does not allow.
    fn wrong(&self, imports: &Imports) -> Vec<String> {
        let mut wrong = Vec::new();
        for (file, targets) in imports {
            for target in targets {
                let (from, to) = (room(file), room(target));
                let row = self.rooms.iter().find(|(name, _)| *name == from);
                let allowed = row.is_some_and(|(_, may)| may.contains(&to.as_str()));
                // The root puts the rooms together, and what stands in it belongs to all.
                let root =
                    |name: &str| Path::new(name).with_extension("rs") == Path::new(self.root);
                if from != to && !allowed && !root(&from) && !root(&to) {
                    wrong.push(format!("{} imports {}", file.display(), target.display()));
                }
            }
        }
        wrong
    }
}

/// The folder that a file lies in, or the file itself beside the root.
fn room(file: &Path) -> String {
    let first = file.components().next().unwrap();
    let name = Path::new(first.as_os_str()).with_extension("");
    name.to_string_lossy().into_owned()
}

fn manifest(place: &str) -> toml::Table {
    let path = repository(place).join("Cargo.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Names of the crates that a crate depends on, those of its tests left out.
fn dependencies(place: &str) -> BTreeSet<String> {
    let manifest = manifest(place);
    let of_all = std::iter::once(&manifest["dependencies"]);
    // Of one platform alone they are known no less.
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let of_some = platforms.into_iter().flat_map(|targets| targets.values());
    of_all
        .chain(of_some.filter_map(|target| target.get("dependencies")))
        .flat_map(|named| named.as_table().unwrap().keys().cloned())
        .collect()
}

#[test]
fn folders_import_one_way() {
    for storey in &HOUSE {
        if storey.rooms.is_empty() {
            continue;
        }
        let imports = storey.imports();
        let wrong = storey.wrong(&imports);
        assert!(wrong.is_empty(), "{}:\n{}", storey.place, wrong.join("\n"));
        let found: BTreeSet<String> = imports.keys().map(|file| room(file)).collect();
        for (name, _) in storey.rooms {
            assert!(found.contains(*name), "{}: no '{name}'", storey.place);
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let found: Vec<String> = (HOUSE.iter())
        .flat_map(|storey| {
            let circles = circles(&storey.imports()).into_iter();
            circles.map(|circle| format!("{}: {circle}", storey.place))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_two_types_have_one_name() {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for storey in &HOUSE {
        let types = storey.read();
        // What stands in for something that is left out has its name: they are never both there.
        let there = types
            .types()
            .filter(|(_, file)| !file.ends_with("absent.rs"));
        for (name, file) in there {
            let place = Path::new(storey.place).join("src").join(file);
            let places = places.entry(name.into()).or_default();
            places.insert(place.display().to_string());
        }
    }
    assert!(places.len() > 200, "only {} types were found", places.len());
    places.retain(|_, places| places.len() > 1);
    assert_eq!(places, BTreeMap::new());
}

#[test]
fn crates_depend_one_way() {
    let own = [
        "access", "compute", "picture", "dicom", "dimse", "gateway", "video", "live", "board",
        "engine", "embed", "http", "update", "durable", "igtl", "guidance", "mqtt", "testing",
    ];
    for storey in &HOUSE {
        let known = dependencies(storey.place);
        let known: Vec<&str> = own
            .into_iter()
            .filter(|name| known.contains(*name))
            .collect();
        assert_eq!(known, storey.knows, "{}", storey.place);
    }
}

#[test]
fn what_one_place_knows_no_other_does() {
    for (outsider, keeper, files) in KEPT {
        for storey in &HOUSE {
            let known = dependencies(storey.place);
            let knows = known.iter().any(|name| name.starts_with(outsider));
            let mut rows = KEPT.iter();
            assert_eq!(
                knows,
                rows.any(|(name, place, _)| *name == outsider && *place == storey.place),
                "{} and {outsider}",
                storey.place
            );
        }
        let source = repository(keeper).join("src");
        for path in rust_files(&source) {
            let inside = path
                .strip_prefix(&source)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let mut code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let named = code.any(|line| names(line, outsider));
            let kept = files.is_empty() || files.iter().any(|file| inside.starts_with(file));
            assert!(kept || !named, "{inside} names {outsider}");
        }
    }
}

#[test]
fn unsafe_code_is_where_the_table_says() {
    for storey in &HOUSE {
        let kept = UNSAFE.iter().find(|(place, _)| *place == storey.place);
        let source = repository(storey.place).join("src");
        let mut found = false;
        for path in rust_files(&source) {
            let inside = path.strip_prefix(&source).unwrap().to_string_lossy();
            let text = std::fs::read_to_string(&path).unwrap();
            let lax = text.contains("unsafe {")
                || text.contains("allow(unsafe_code")
                || text.contains("allow(\n    unsafe_code");
            let allowed = kept.is_some_and(|(_, folder)| inside.starts_with(folder));
            assert!(allowed || !lax, "{}", path.display());
            found |= lax;
        }
        assert_eq!(found, kept.is_some(), "{}", storey.place);
    }
}

/// Whether a line of code names a crate that begins so.
fn names(line: &str, outsider: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(outsider).any(|(at, _)| {
        let whole = !line[..at].ends_with(is_part);
        let rest = &line[at + outsider.len()..];
        whole && (rest.starts_with("::") || rest.starts_with('_'))
    })
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(rust_files(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => files.push(path),
            false => (),
        }
    }
    files
}

/// A small crate, as it should be or with a wrong line planted in `low/item.rs`.
fn planted(line: &str) -> (Storey, Imports) {
    let storey = Storey {
        place: "",
        root: "lib.rs",
        knows: &[],
        rooms: &[("low", &[]), ("high", &["low"])],
    };
    let item = format!("{line}\npub struct Item;\npub struct Other;");
    let files = [
        ("lib.rs", "pub mod high;\npub mod low;"),
        (
            "low/mod.rs",
            "mod item;\nmod user;\npub use item::{Item, Other};\npub use user::User;",
        ),
        ("low/item.rs", item.as_str()),
        ("low/user.rs", "use super::Item;\npub struct User(Item);"),
        (
            "high/mod.rs",
            "use crate::low;\npub fn high() -> Option<low::User> { None }",
        ),
    ];
    let read = |path: &Path| {
        let file = files.iter().find(|(name, _)| Path::new(name) == path)?;
        Some(file.1.to_owned())
    };
    let imports = Crate::read(Path::new("lib.rs"), &read).imports();
    (storey, imports)
}

#[test]
fn a_planted_import_against_the_order_is_found() {
    let (storey, imports) = planted("");
    assert_eq!(storey.wrong(&imports), [""; 0]);
    let user = Path::new("low/user.rs");
    assert!(
        imports[Path::new("high/mod.rs")].contains(user),
        "through a facade"
    );
    for line in [
        "use crate::high::high;",
        "use crate::{high::high as other};",
        "fn f() { crate::high::high(); }",
        "fn f() { use super::super::high; high::high(); }",
    ] {
        let (storey, imports) = planted(line);
        let wrong = storey.wrong(&imports);
        assert_eq!(wrong, ["low/item.rs imports high/mod.rs"], "{line}");
    }
}

#[test]
fn a_planted_circle_is_found() {
    assert_eq!(circles(&planted("").1), [""; 0]);
    for line in [
        "use super::User;",
        "use crate::low::User;",
        "use super::*;\nfn f(_: super::User) {}",
        "use super::user;\nfn f(_: user::User) {}",
    ] {
        let found = circles(&planted(line).1);
        assert_eq!(found, ["low/item.rs, low/user.rs"], "{line}");
    }
    // What only tests import closes no circle.
    let (_, imports) = planted("#[cfg(test)]\nmod tests { use super::super::User; }");
    assert_eq!(circles(&imports), [""; 0]);
}
