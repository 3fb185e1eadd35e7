//! The house keeps its order: crates, folders and files import one way, as the tables below say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod circles;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use circles::circles;
use source::{Crate, Imports};

/// A crate of the workspace.
struct Storey {
    /// Its folder.
    place: &'static str,
    /// Its root file in `src`.
    root: &'static str,
    /// The crates of this workspace that it may know.
    knows: &'static [&'static str],
    /// Each of its folders (or files beside its root), and which others of them that may import from.
    rooms: &'static [(&'static str, &'static [&'static str])],
}

/// From the ground up.
const HOUSE: [Storey; 10] = [
    Storey {
        place: "crates/compute",
        root: "lib.rs",
        knows: &[],
        rooms: &[("kernels", &[]), ("layers", &["kernels"])],
    },
    Storey {
        place: "crates/picture",
        root: "lib.rs",
        knows: &[],
        rooms: &[
            ("sync", &[]),
            ("frame", &[]),
            ("scale", &[]),
            ("mask", &["frame", "scale"]),
            ("render", &["frame", "mask"]),
            ("segmenter", &["sync", "frame", "scale", "mask"]),
            ("report", &["frame", "scale", "mask", "render", "segmenter"]),
        ],
    },
    Storey {
        place: "crates/dicom",
        root: "lib.rs",
        knows: &["picture"],
        rooms: &[
            ("error", &[]),
            ("uid", &[]),
            ("window", &[]),
            ("selection", &[]),
            ("syntax", &["error"]),
            ("data", &["error", "syntax"]),
            ("modality", &["data"]),
            ("timing", &["data"]),
            ("layout", &["error", "data"]),
            ("places", &["error", "data", "layout", "syntax"]),
            ("codec", &["error", "layout", "syntax"]),
            ("colour", &["error", "data", "layout", "codec", "window"]),
            ("scale", &["data", "layout"]),
            ("facts", &["data", "layout", "syntax", "timing"]),
            (
                "file",
                &[
                    "error", "uid", "window", "syntax", "data", "modality", "layout", "places",
                    "codec", "colour", "scale", "facts",
                ],
            ),
        ],
    },
    Storey {
        place: "crates/update",
        root: "lib.rs",
        knows: &[],
        rooms: &[
            ("about", &[]),
            ("digest", &[]),
            ("disk", &[]),
            ("version", &[]),
            ("key", &["digest"]),
            ("error", &["about", "digest", "key", "version"]),
            ("state", &["about", "error"]),
            ("tar", &["error"]),
            ("list", &["about", "digest", "error", "tar", "version"]),
            ("pack", &["about", "digest", "key", "list", "tar"]),
            (
                "read",
                &["about", "digest", "error", "key", "list", "tar", "version"],
            ),
            (
                "store",
                &["about", "disk", "error", "list", "read", "state"],
            ),
            (
                "models",
                &[
                    "about", "digest", "disk", "error", "list", "read", "state", "store",
                ],
            ),
            (
                "program",
                &[
                    "about", "digest", "disk", "error", "list", "read", "state", "store",
                ],
            ),
        ],
    },
    Storey {
        place: "crates/engine",
        root: "lib.rs",
        knows: &["compute", "picture"],
        rooms: &[
            ("pin", &[]),
            ("options", &[]),
            ("manifest", &[]),
            ("preprocess", &["manifest"]),
            ("views", &["manifest", "preprocess"]),
            ("model", &["manifest"]),
            ("guard", &["manifest", "preprocess", "model"]),
            ("encode", &["preprocess", "model"]),
            ("self_prompt", &["encode", "model"]),
            ("decode", &["self_prompt", "model"]),
            (
                "flow",
                &[
                    "pin",
                    "options",
                    "manifest",
                    "preprocess",
                    "views",
                    "model",
                    "guard",
                    "encode",
                    "self_prompt",
                    "decode",
                ],
            ),
            ("service", &["pin", "options", "manifest", "model", "flow"]),
        ],
    },
    Storey {
        place: "crates/video",
        root: "lib.rs",
        knows: &["picture", "dicom"],
        rooms: &[
            ("convert", &[]),
            ("mjpeg", &[]),
            ("no_signal", &[]),
            ("avi", &["mjpeg"]),
            ("source", &["convert"]),
            ("y4m", &["convert", "source"]),
            ("phantom", &["source"]),
            ("prepare", &["source"]),
            ("picture_reader", &["source"]),
            ("surround", &["prepare"]),
            ("viewfinder", &["source", "prepare"]),
            ("stream", &["source", "picture_reader", "mjpeg", "y4m"]),
            ("pipe", &["source", "stream"]),
            ("http", &["source", "stream"]),
            ("replay", &["source", "picture_reader", "avi", "y4m"]),
            ("spec", &["source", "pipe", "http", "replay"]),
        ],
    },
    Storey {
        place: "board",
        root: "lib.rs",
        knows: &["picture", "video", "live"],
        rooms: &[
            ("camera", &[]),
            ("ending", &[]),
            ("heat", &["ending"]),
            ("gpio", &[]),
            ("panel", &["ending", "gpio"]),
        ],
    },
    Storey {
        place: "crates/live",
        root: "lib.rs",
        knows: &["picture", "video"],
        rooms: &[
            ("steady", &[]),
            ("state", &[]),
            ("counts", &[]),
            ("condition", &[]),
            ("panel", &[]),
            ("clip", &["state", "view"]),
            ("settings", &["state", "clip", "steady"]),
            ("cameras", &[]),
            ("spec", &["cameras", "state", "clip", "settings"]),
            ("error", &["spec", "clip"]),
            ("ears", &[]),
            ("lane_desk", &[]),
            ("pace", &["condition"]),
            ("pool", &[]),
            ("view", &["state", "counts", "pace"]),
            ("observer", &["view"]),
            ("desk", &["state", "settings", "counts", "pace", "view"]),
            (
                "core",
                &[
                    "state",
                    "settings",
                    "clip",
                    "condition",
                    "counts",
                    "ears",
                    "lane_desk",
                    "observer",
                    "pace",
                    "view",
                    "desk",
                ],
            ),
            ("capture", &["state", "clip", "pool", "core"]),
            ("surround", &["core"]),
            ("judge", &["state", "settings", "steady"]),
            ("announce", &["judge", "view", "core"]),
            (
                "session",
                &[
                    "settings",
                    "clip",
                    "condition",
                    "spec",
                    "error",
                    "ears",
                    "observer",
                    "view",
                    "core",
                    "capture",
                    "surround",
                    "announce",
                ],
            ),
            (
                "studio",
                &["clip", "condition", "panel", "spec", "error", "session"],
            ),
        ],
    },
    Storey {
        place: "crates/http",
        root: "lib.rs",
        knows: &["picture", "video", "live"],
        rooms: &[],
    },
    Storey {
        place: "",
        root: "lib.rs",
        knows: &[
            "compute", "picture", "video", "live", "board", "engine", "http", "update",
        ],
        rooms: &[
            ("workshop", &[]),
            ("fittings", &[]),
            ("config", &["workshop"]),
            ("eval", &[]),
            ("service", &["config"]),
            ("doctor", &["config"]),
            ("setup", &["config"]),
            (
                "cli",
                &[
                    "workshop", "fittings", "config", "eval", "service", "doctor", "setup",
                ],
            ),
        ],
    },
];

/// Crates from outside that one place alone may know: the crate, that place, and the files in it, if not all.
const KEPT: [(&str, &str, &[&str]); 11] = [
    ("ed25519", "crates/update", &["key.rs"]),
    (
        "tract",
        "crates/engine",
        &["model/nodes.rs", "model/folding.rs", "model/runtime/"],
    ),
    ("axum", "crates/http", &[]),
    ("hyper", "crates/http", &[]),
    ("png", "crates/picture", &[]),
    ("hayro", "crates/dicom", &["codec/jpeg2000.rs"]),
    ("moq", "board", &["camera/linux/"]),
    ("linuxvideo", "board", &["camera/linux/"]),
    ("gpiocdev", "board", &["gpio/chardev.rs"]),
    ("rppal", "board", &["gpio/rpi.rs"]),
    ("clap", "", &["cli/"]),
];

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
        for (name, file) in storey.read().types() {
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
        "compute", "picture", "dicom", "video", "live", "board", "engine", "http", "update",
        "testing",
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
            assert_eq!(
                knows,
                storey.place == keeper,
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
fn unsafe_code_is_in_compute_alone() {
    for storey in HOUSE
        .iter()
        .filter(|storey| storey.place != "crates/compute")
    {
        for path in rust_files(&repository(storey.place).join("src")) {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("unsafe {"), "{}", path.display());
            assert!(!text.contains("allow(unsafe_code"), "{}", path.display());
        }
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
