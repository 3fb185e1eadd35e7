//! The models: which there are, and whether their files are what the manifest says.

use std::collections::BTreeMap;
use std::path::Path;

use engine::manifest::file;
use engine::model::store::Store;
use live::LiveSourceSpec;
use picture::segmenter::Modality;
use update::{MODELS_STORE, PROGRAM_STORE, StoreState};

use super::report::ReportSection;
use super::space::below;
use crate::config::Config;
use embed::ModelPlaces;

const REINSTALL: &str = "install the package again (apt-get install --reinstall espmedsam); if it comes back, the card is worn: \
                         replace it";

pub(super) fn section(
    root: &Path,
    places: &ModelPlaces,
    asked: Option<&Path>,
    config: &Config,
) -> ReportSection {
    let mut section = ReportSection::new("models");
    let found = places.find(asked, config.engine.models.as_deref());
    let found = found.map_err(|error| error.to_string()).and_then(|folder| {
        let store = Store::open(&folder, config.engine.model.as_deref());
        store.map_err(|error| error.to_string())
    });
    match found {
        Ok(store) => {
            check(&store, &mut section);
            look_up(config, &store, &mut section);
        }
        Err(error) => section.fault(
            error,
            format!("name the folder by engine.models, or {REINSTALL}"),
        ),
    }
    for (what, store) in [("packages", MODELS_STORE), ("programs", PROGRAM_STORE)] {
        tell(what, &below(root, Path::new(store)), &mut section);
    }
    section
}

/// Whether there is what the live sources ask for.
fn look_up(config: &Config, store: &Store, section: &mut ReportSection) {
    for LiveSourceSpec { name, modality, .. } in &config.live.sources {
        let mut all = store.manifest().models.iter();
        let known = all.any(|model| model.modalities.iter().any(|one| one.name == *modality));
        if !known && modality != Modality::AUTO {
            section.fault(
                format!("source '{name}': there is no modality '{modality}'"),
                "correct it in the configuration: espmedsam models lists them",
            );
        }
    }
}

/// What came in signed packages.
fn tell(what: &str, store: &Path, section: &mut ReportSection) {
    match StoreState::read(store) {
        Ok(state) if state == StoreState::default() => (),
        Ok(state) => {
            section.fact(what, &state);
            if let Some(back) = state.rolled_back.filter(|back| back.failed) {
                section.warning(back.to_string(), "tell the maker (docs/updates.md)");
            }
        }
        // The service's alone, or root's: who looks as another user is not told.
        Err(error) => section.fact(what, error),
    }
}

fn check(store: &Store, section: &mut ReportSection) {
    let manifest = store.manifest();
    section.fact("folder", store.dir().display());
    // Each file is hashed once, however many models share it.
    let mut checked: BTreeMap<&str, bool> = BTreeMap::new();
    for file in manifest.models.iter().flat_map(|model| &model.files) {
        checked.entry(&file.path).or_insert_with(|| {
            let outcome = file::check(store.dir(), file);
            outcome
                .inspect_err(|error| section.fault(error.to_string(), REINSTALL))
                .is_ok()
        });
    }
    for model in &manifest.models {
        let whole = |file: &file::FileSpec| checked.get(file.path.as_str()) == Some(&true);
        let wrong = model.files.iter().filter(|file| !whole(file)).count();
        let state = match wrong {
            0 => format!("{} files as the manifest says", model.files.len()),
            wrong => format!(
                "{wrong} of {} files are not what the manifest says",
                model.files.len()
            ),
        };
        section.fact(
            &model.name,
            format!("SHA-256 {:.12}, {state}", model.sha256),
        );
    }
}
