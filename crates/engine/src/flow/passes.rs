//! The network's part of the flow: encoder, self-prompt and decoder, once for each view of the picture.

use std::sync::Arc;

use crate::decode::{DecodedMask, Decoder};
use crate::encode::{Embedding, Encoder};
use crate::manifest::contract::{LOW_RES_STRIDE, PATCH_STRIDE, Role};
use crate::manifest::{ModelSpec, WhiteBalanceSpec};
use crate::model::runtime::{Graph, GraphError, Input, Threads};
use crate::model::store::Graphs;
use crate::preprocess::{Image, Preprocess};
use crate::self_prompt::{Prompted, SelfPrompt};
use crate::views::{Blend, PresenceBlend, View, Views};
use picture::frame::{Frame, Stop};
use picture::mask::LogitMap;

use super::watch::Watch;
use picture::segmenter::{EngineError, StageTimes};

/// Sees each graph with what it is about to be run on, view by view.
pub type Observer<'a> = dyn FnMut(Role, &Graph, &Threads, &[Input<'_>]) -> Result<(), String> + 'a;

/// What the network is to do for one ask.
pub(super) struct Task {
    /// Of the modality.
    pub graphs: Graphs,
    /// Row of the decoder's mask queries.
    pub index: usize,
    /// The modality's.
    pub look: Look,
}

/// How the network looks at the picture. Tasks that look alike share what they can.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub views: Views,
    pub white_balance: Option<WhiteBalanceSpec>,
}

/// What the network says to one ask: maps of the whole picture, and the time its stages took. What several asks share
/// counts in the first of them.
pub(super) struct Said {
    pub maps: Maps,
    pub times: StageTimes,
}

/// What the network puts out.
pub(super) struct Maps {
    pub low_res: LogitMap,
    pub patch: LogitMap,
    /// The logit of anything being there at all, if the model says.
    pub presence: Option<f32>,
}

/// Maps of several views on their way to those of the whole.
struct Blends {
    low_res: Blend,
    patch: Blend,
    presence: PresenceBlend,
}

impl Blends {
    fn new(views: &Views) -> Self {
        Self {
            low_res: Blend::new(views, LOW_RES_STRIDE),
            patch: Blend::new(views, PATCH_STRIDE),
            presence: PresenceBlend::default(),
        }
    }

    fn add(&mut self, view: View, maps: &Maps) -> Result<(), EngineError> {
        let added = self.low_res.add(view, &maps.low_res);
        let added = added.and_then(|()| self.patch.add(view, &maps.patch));
        added.map_err(|why| EngineError::Model(why.into()))?;
        if let Some(logit) = maps.presence {
            self.presence.add(view, logit);
        }
        Ok(())
    }

    fn finish(self) -> Result<Maps, EngineError> {
        let whole = |blend: Blend| {
            blend
                .finish()
                .map_err(|error| EngineError::Internal(error.into()))
        };
        Ok(Maps {
            low_res: whole(self.low_res)?,
            patch: whole(self.patch)?,
            presence: self.presence.finish(),
        })
    }
}

/// A [`Said`] on its way.
#[derive(Default)]
struct Answer {
    maps: Option<Maps>,
    times: StageTimes,
}

/// Runs one model's tasks on one picture; what they have in common runs once.
pub(super) struct Passes<'a> {
    pub threads: &'a Threads,
    pub model: &'a ModelSpec,
    pub tasks: &'a [Task],
    /// Asked before each view.
    pub stop: &'a Stop,
    pub observer: &'a mut Observer<'a>,
}

impl Passes<'_> {
    /// An answer to each task, in their order.
    ///
    /// # Errors
    /// A fault of the runtime, or the job is given up.
    pub(super) fn run(
        &mut self,
        frame: &Frame,
        watch: &mut Watch,
    ) -> Result<Vec<Said>, EngineError> {
        let mut said: Vec<Answer> = self.tasks.iter().map(|_| Answer::default()).collect();
        let mut kinds: Vec<Look> = Vec::new();
        for task in self.tasks {
            if !kinds.contains(&task.look) {
                kinds.push(task.look);
            }
        }
        for look in kinds {
            let same = |(at, task): (usize, &Task)| (task.look == look).then_some(at);
            let members: Vec<usize> = self.tasks.iter().enumerate().filter_map(same).collect();
            self.views(frame, look, &members, &mut said, watch)?;
        }
        let whole = |Answer { maps, times }| {
            let maps = maps.ok_or_else(|| EngineError::Internal("a task gave no maps".into()))?;
            Ok(Said { maps, times })
        };
        said.into_iter().map(whole).collect()
    }

    /// The members' maps, from all views together.
    fn views(
        &mut self,
        frame: &Frame,
        Look {
            views,
            white_balance,
        }: Look,
        members: &[usize],
        said: &mut [Answer],
        watch: &mut Watch,
    ) -> Result<(), EngineError> {
        let canvas = Preprocess::of(views.canvas(), &self.model.preprocess)
            .balanced(white_balance)
            .run(frame);
        said[members[0]].times.preprocess += watch.lap();
        let mut blends: Vec<Blends> = match views.is_plain() {
            true => Vec::new(),
            false => members.iter().map(|_| Blends::new(&views)).collect(),
        };
        for view in views.each() {
            self.stop.check()?;
            let image = view.cut(&canvas, views.side());
            let maps = self.view(&image, members, said, watch)?;
            if views.is_plain() {
                for (&member, maps) in members.iter().zip(maps) {
                    said[member].maps = Some(maps);
                }
                return Ok(());
            }
            for (blend, maps) in blends.iter_mut().zip(&maps) {
                blend.add(view, maps)?;
            }
            said[members[0]].times.mask += watch.lap();
        }
        for (&member, blend) in members.iter().zip(blends) {
            said[member].maps = Some(blend.finish()?);
        }
        said[members[0]].times.mask += watch.lap();
        Ok(())
    }

    /// One pass over one view, for each member.
    fn view(
        &mut self,
        image: &Image,
        members: &[usize],
        said: &mut [Answer],
        watch: &mut Watch,
    ) -> Result<Vec<Maps>, GraphError> {
        let threads = self.threads;
        let tasks: Vec<&Task> = members.iter().map(|&member| &self.tasks[member]).collect();
        // Modalities without weights of their own have one encoder, and one prompt.
        let (encoders, which) = distinct(&tasks, |task| &task.graphs.encoder);
        for encoder in &encoders {
            (self.observer)(Role::Encoder, encoder, threads, &Encoder::inputs(image))?;
        }
        let encoders: Vec<Encoder> = encoders.into_iter().map(Encoder::new).collect();
        let embeddings = Encoder::run_each(&encoders, threads, image)?;
        said[members[0]].times.encode += watch.lap();
        let mut prompts: Vec<(usize, &Arc<Graph>, LogitMap, Prompted)> = Vec::new();
        let mut maps = Vec::with_capacity(members.len());
        for ((task, &member), encoder) in tasks.iter().zip(members).zip(which) {
            let embedding: &Embedding = &embeddings[encoder];
            let graph = &task.graphs.self_prompt;
            let known = |(from, by, ..): &(usize, &Arc<Graph>, LogitMap, Prompted)| {
                *from == encoder && Arc::ptr_eq(by, graph)
            };
            let at = match prompts.iter().position(known) {
                Some(at) => at,
                None => {
                    let inputs = SelfPrompt::inputs(embedding);
                    (self.observer)(Role::SelfPrompt, graph, threads, &inputs)?;
                    let (patch, prompted) =
                        SelfPrompt::new(graph.clone()).run(threads, embedding)?;
                    prompts.push((encoder, graph, patch, prompted));
                    prompts.len() - 1
                }
            };
            let (.., patch, prompted) = &prompts[at];
            said[member].times.self_prompt += watch.lap();
            let graph = &task.graphs.decoder;
            let query = Decoder::query(task.index)?;
            let inputs = Decoder::inputs(prompted, &query);
            (self.observer)(Role::Decoder, graph, threads, &inputs)?;
            let decoder = Decoder::new(graph.clone());
            let DecodedMask { low_res, presence } = decoder.run(threads, prompted, task.index)?;
            said[member].times.decode += watch.lap();
            maps.push(Maps {
                low_res,
                patch: patch.clone(),
                presence,
            });
        }
        Ok(maps)
    }
}

/// Graphs without repeats, and for each of `all` which of them is its.
fn distinct(all: &[&Task], of: impl Fn(&Task) -> &Arc<Graph>) -> (Vec<Arc<Graph>>, Vec<usize>) {
    let mut graphs: Vec<Arc<Graph>> = Vec::new();
    let which = all.iter().map(|task| of(task)).map(|graph| {
        let known = graphs.iter().position(|known| Arc::ptr_eq(known, graph));
        known.unwrap_or_else(|| {
            graphs.push(graph.clone());
            graphs.len() - 1
        })
    });
    let which = which.collect();
    (graphs, which)
}
