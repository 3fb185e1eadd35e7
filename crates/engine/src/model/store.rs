//! The models folder in memory: modalities load on demand and share the graphs they have in common.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::ModelError;
use super::runtime::{Graph, GraphFiles};
use crate::manifest::contract::{PRESENCE, Role};
use crate::manifest::file;
use crate::manifest::{GuardSpec, Manifest, ModalitySpec, ModelSpec};
use compute::kernels::Cpu;
use compute::layers::LayerCache;
use picture::sync::lock;

/// A models folder: its manifest, and the graphs loaded so far.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    manifest: Manifest,
    /// Name of the model for requests that name none.
    default_model: String,
    /// Whether that was chosen against the manifest: then it serves every modality.
    overridden: bool,
    /// What graphs are packed for.
    cpu: Cpu,
    /// Packed layers, shared by graphs.
    layers: LayerCache,
    graphs: Mutex<HashMap<GraphKey, GraphSlot>>,
    guard: Mutex<Option<Arc<Graph>>>,
}

/// Graphs are shared by file; the side fixes the shape they are optimised for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct GraphKey {
    role: Role,
    side: usize,
    path: String,
}

/// Locked while loading, so that two requests load once; a failed load leaves it empty, to be tried again.
type GraphSlot = Arc<Mutex<Option<Arc<Graph>>>>;

/// The manifest's entry for one modality of one model.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The model.
    pub model: &'a ModelSpec,
    /// Its modality.
    pub modality: &'a ModalitySpec,
}

/// The three graphs of one modality.
#[derive(Clone, Debug)]
pub struct Graphs {
    /// `image` → `embedding`.
    pub encoder: Arc<Graph>,
    /// `embedding` → `patch_logits`, `prompted`.
    pub self_prompt: Arc<Graph>,
    /// `prompted`, `modality` → `low_res_logits`.
    pub decoder: Arc<Graph>,
}

impl Store {
    /// Reads the manifest; loads nothing yet. `default_model` overrides the manifest's.
    ///
    /// # Errors
    /// [`ModelError`] of the manifest, or [`ModelError::UnknownModel`] for the override.
    pub fn open(dir: &Path, default_model: Option<&str>) -> Result<Self, ModelError> {
        Self::open_for(dir, default_model, Cpu::best())
    }

    /// As [`Store::open`], computing with the given instructions.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_for(dir: &Path, default_model: Option<&str>, cpu: Cpu) -> Result<Self, ModelError> {
        let manifest = Manifest::read(dir)?;
        let mut store = Self {
            dir: dir.to_path_buf(),
            manifest,
            default_model: String::new(),
            overridden: default_model.is_some(),
            cpu,
            layers: LayerCache::default(),
            graphs: Mutex::default(),
            guard: Mutex::default(),
        };
        store.default_model = match default_model {
            Some(name) => store.model(Some(name))?.name.clone(),
            None => store
                .manifest
                .default_model()
                .map(|model| model.name.clone())
                .unwrap_or_default(),
        };
        Ok(store)
    }

    /// The instructions graphs are packed for.
    #[must_use]
    pub fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The model of this name, or the default one.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`].
    pub fn model(&self, name: Option<&str>) -> Result<&ModelSpec, ModelError> {
        let asked = name.unwrap_or(&self.default_model);
        let models = &self.manifest.models;
        models
            .iter()
            .find(|model| model.name == asked)
            .ok_or_else(|| ModelError::UnknownModel {
                asked: asked.into(),
                available: names(models.iter().map(|model| &model.name)),
            })
    }

    /// The manifest's entry for a modality of a model. `None`: the one that the manifest prefers for the modality, else
    /// the default one; the default one always if [`Store::open`] was given it.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`] or [`ModelError::UnknownModality`].
    pub fn choose(&self, model: Option<&str>, modality: &str) -> Result<Choice<'_>, ModelError> {
        let prefers = |model: &&ModelSpec| model.preferred_for.iter().any(|name| name == modality);
        let model = match (model, self.manifest.models.iter().find(prefers)) {
            (None, Some(preferred)) if !self.overridden => preferred,
            _ => self.model(model)?,
        };
        match model
            .modalities
            .iter()
            .find(|candidate| candidate.name == modality)
        {
            Some(modality) => Ok(Choice { model, modality }),
            None => Err(ModelError::UnknownModality {
                asked: modality.into(),
                model: model.name.clone(),
                available: names(model.modalities.iter().map(|modality| &modality.name)),
            }),
        }
    }

    /// The graphs of a choice, loaded now unless they already are.
    ///
    /// # Errors
    /// A file that is missing, changed or of another shape; [`ModelError::NoPresence`].
    pub fn graphs(&self, choice: Choice<'_>) -> Result<Graphs, ModelError> {
        let ModalitySpec {
            encoder,
            self_prompt,
            decoder,
            presence,
            ..
        } = choice.modality;
        let graphs = Graphs {
            encoder: self.graph(choice, Role::Encoder, encoder)?,
            self_prompt: self.graph(choice, Role::SelfPrompt, self_prompt)?,
            decoder: self.graph(choice, Role::Decoder, decoder)?,
        };
        // Who relies on empty pictures being told is not to be served without.
        if presence.is_some() && !graphs.decoder.contract().gives(PRESENCE) {
            return Err(ModelError::NoPresence {
                graph: decoder.clone(),
                modality: choice.modality.name.clone(),
            });
        }
        Ok(graphs)
    }

    /// Whether every graph of a choice is in memory now.
    #[must_use]
    pub fn is_loaded(&self, choice: Choice<'_>) -> bool {
        let ModalitySpec {
            encoder,
            self_prompt,
            decoder,
            ..
        } = choice.modality;
        let wanted = [
            (Role::Encoder, encoder),
            (Role::SelfPrompt, self_prompt),
            (Role::Decoder, decoder),
        ];
        wanted.into_iter().all(|(role, path)| {
            let slot = lock(&self.graphs).get(&key(choice, role, path)).cloned();
            // A slot that is locked is being loaded: not there yet.
            slot.is_some_and(|slot| slot.try_lock().is_ok_and(|graph| graph.is_some()))
        })
    }

    /// The modality guard's graph, loaded now unless it already is, and what the manifest says of it; `None` if the folder
    /// has none.
    ///
    /// # Errors
    /// A file that is missing, changed or of another shape: a guard that should be there is never left out.
    pub fn guard(&self) -> Result<Option<(Arc<Graph>, &GuardSpec)>, ModelError> {
        let Some(spec) = &self.manifest.guard else {
            return Ok(None);
        };
        let mut slot = lock(&self.guard);
        if let Some(graph) = &*slot {
            return Ok(Some((graph.clone(), spec)));
        }
        file::check(&self.dir, &spec.file)?;
        let files = GraphFiles {
            dir: self.dir.clone(),
            onnx: spec.file.clone(),
            weights: Vec::new(),
        };
        let contract = Role::Guard.contract(spec.side);
        let graph = Graph::load(files, contract, self.cpu, &self.layers);
        let graph = Arc::new(graph.map_err(|source| ModelError::Graph {
            graph: spec.file.path.clone(),
            source,
        })?);
        *slot = Some(graph.clone());
        Ok(Some((graph, spec)))
    }

    /// Graphs in memory now, over all models.
    #[must_use]
    pub fn graphs_loaded(&self) -> usize {
        let slots: Vec<GraphSlot> = lock(&self.graphs).values().cloned().collect();
        slots.iter().filter(|slot| lock(slot).is_some()).count()
    }

    fn graph(&self, choice: Choice<'_>, role: Role, path: &str) -> Result<Arc<Graph>, ModelError> {
        let slot = lock(&self.graphs)
            .entry(key(choice, role, path))
            .or_default()
            .clone();
        let mut slot = lock(&slot);
        if let Some(graph) = &*slot {
            return Ok(graph.clone());
        }
        let started = std::time::Instant::now();
        let refused = |source| ModelError::Graph {
            graph: path.into(),
            source,
        };
        let files = self.files(choice, path)?;
        let contract = role.contract(choice.model.side);
        let graph =
            Arc::new(Graph::load(files, contract, self.cpu, &self.layers).map_err(refused)?);
        tracing::info!(
            graph = path,
            ms = started.elapsed().as_millis() as u64,
            "graph loaded"
        );
        *slot = Some(graph.clone());
        Ok(graph)
    }

    /// The graph's file, hashed now, and the external data its modality lists, hashed when the graph reads it.
    fn files(&self, choice: Choice<'_>, path: &str) -> Result<GraphFiles, ModelError> {
        let listed = |path: &str| match choice.model.file(path) {
            Some(file) => Ok(file.clone()),
            None => Err(ModelError::Graph {
                graph: path.into(),
                source: "not listed in the manifest".into(),
            }),
        };
        let onnx = listed(path)?;
        file::check(&self.dir, &onnx)?;
        let weights = choice
            .modality
            .weights
            .iter()
            .map(|path| listed(path))
            .collect::<Result<Vec<_>, _>>()?;
        for file in &weights {
            file::check_size(&self.dir, file)?;
        }
        Ok(GraphFiles {
            dir: self.dir.clone(),
            onnx,
            weights,
        })
    }
}

fn key(choice: Choice<'_>, role: Role, path: &str) -> GraphKey {
    GraphKey {
        role,
        side: choice.model.side,
        path: path.into(),
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
