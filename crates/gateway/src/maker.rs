//! An object → its answers.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::{Arc, mpsc};

use dicom::{
    AnswerError, AnswerMaker, DicomAnswer, DicomWriteError, FrameSelection, Identity, IntakeWish,
    NamingSecret, TakenFile, TakenPicture, Uid,
};
use dimse::SpooledObject;
use picture::segmenter::{Ask, EngineError, Job, Segmentation, Segmenter};

use crate::config::AnswerKind;
use crate::fate::{ObjectFate, Unanswered, WorkStop};
use crate::hold::{Obstacle, WorkerHold};

/// What made the objects.
const PROGRAM: &str = "espmedsam";

/// An answer, as a file.
#[derive(Debug)]
pub struct MadeAnswer {
    pub kind: AnswerKind,
    pub instance: Uid,
    pub bytes: Vec<u8>,
}

/// What answers are made by.
pub struct AnswerDesk {
    pub segmenter: Arc<dyn Segmenter>,
    pub secret: NamingSecret,
    pub identity: Identity,
    /// What some destination wants.
    pub kinds: BTreeSet<AnswerKind>,
    pub max_frames: u32,
}

impl AnswerDesk {
    /// All answers of an object, in their order. Made again they are the same, to the byte.
    ///
    /// # Errors
    /// Why there are none, or not yet.
    pub fn answers(
        &self,
        object: &SpooledObject,
        hold: &WorkerHold,
    ) -> Result<Vec<MadeAnswer>, WorkStop> {
        let file = self.take_in(object)?;
        let modality = file.suggested_modality.ok_or(ObjectFate::OtherModality)?;
        let mut answers = AnswersBegun::of(self, &file, object);
        for TakenPicture { picture, frame } in &file.pictures {
            let job = Job {
                picture: picture.clone(),
                scale: file.scale.clone(),
                region: file.region,
                ask: Ask::new(modality),
                stop: hold.stop(),
            };
            if let Some(segmentation) = hold.persist(|| self.segment(job.clone(), hold))? {
                answers.add(frame.unwrap_or(0), segmentation)?;
            }
        }
        Ok(answers.finish()?)
    }

    fn take_in(&self, object: &SpooledObject) -> Result<TakenFile, Unanswered> {
        let unreadable = |error| Unanswered::new(ObjectFate::Fault, error);
        let file = File::open(&object.path).map_err(unreadable)?;
        let wish = IntakeWish {
            frames: Some(FrameSelection::all()),
            objects: Some(self.identity),
            ..IntakeWish::default()
        };
        let limits = self.segmenter.limits();
        Ok(TakenFile::of_disk(file, &wish, limits, self.max_frames)?)
    }

    /// Waits for its turn and for its end. `None` of a frame that does not look like it: a title among those of a loop is no reason
    /// to say nothing of the others.
    fn segment(
        &self,
        job: Job,
        hold: &WorkerHold,
    ) -> Result<Option<Segmentation>, Obstacle<WorkStop>> {
        let (tell, told) = mpsc::channel();
        let done = Box::new(move |outcome| {
            // Who does not wait any more does not need it.
            let _ = tell.send(outcome);
        });
        let submitted = self.segmenter.submit(job, done);
        // An engine that answers nothing has ended.
        let outcome = submitted.and_then(|()| told.recv().unwrap_or(Err(EngineError::Stopped)));
        match outcome {
            Ok(segmentation) => Ok(Some(segmentation)),
            Err(EngineError::ModalityMismatch { .. }) => Ok(None),
            Err(error) => Err(self.obstacle(error, hold)),
        }
    }

    fn obstacle(&self, error: EngineError, hold: &WorkerHold) -> Obstacle<WorkStop> {
        let ready = self.segmenter.readiness().check();
        match (error, ready) {
            (EngineError::Stopped, _) => Obstacle::Lasting(WorkStop::Ended),
            (EngineError::GivenUp(_), _) if hold.check().is_err() => {
                Obstacle::Lasting(WorkStop::Ended)
            }
            (error @ (EngineError::Overloaded { .. } | EngineError::NotReady), _) => {
                Obstacle::Passing(error.to_string())
            }
            // Of the engine, not of the picture.
            (EngineError::Stuck(reason), _) => Obstacle::Passing(reason),
            (_, Err(reason)) => Obstacle::Passing(reason.to_string()),
            (error, Ok(())) => Obstacle::Lasting(error.into()),
        }
    }
}

/// Answers on their way.
struct AnswersBegun<'a> {
    file: &'a TakenFile,
    maker: AnswerMaker,
    /// Of all frames.
    whole: Vec<(AnswerKind, DicomAnswer)>,
    captures: bool,
    /// Of the frame with the largest mask so far, and how many pixels that has.
    capture: Option<(usize, DicomAnswer)>,
    looked_at: bool,
    found: bool,
}

impl<'a> AnswersBegun<'a> {
    fn of(desk: &AnswerDesk, file: &'a TakenFile, object: &SpooledObject) -> Self {
        let maker = AnswerMaker {
            secret: desk.secret,
            program: PROGRAM,
            version: env!("CARGO_PKG_VERSION"),
            // Made again, it says the same.
            written: object.received,
            most: desk.segmenter.limits().max_memory,
        };
        let whole = desk.kinds.iter().copied();
        let whole = whole.filter(|kind| *kind != AnswerKind::Capture);
        let answer = |kind: AnswerKind| Some((kind, file.answer(kind.form(), maker.clone())?));
        Self {
            whole: whole.filter_map(answer).collect(),
            file,
            maker,
            captures: desk.kinds.contains(&AnswerKind::Capture),
            capture: None,
            looked_at: false,
            found: false,
        }
    }

    fn add(&mut self, frame: u32, segmentation: Segmentation) -> Result<(), Unanswered> {
        let marked = segmentation
            .mask
            .pixels()
            .iter()
            .filter(|pixel| **pixel != 0);
        let marked = marked.count();
        self.looked_at = true;
        self.found |= marked > 0;
        for (_, answer) in &mut self.whole {
            answer
                .add(frame, segmentation.clone())
                .map_err(not_written)?;
        }
        let most = self.capture.as_ref().map_or(0, |(most, _)| *most);
        if self.captures && marked > most {
            let kind = AnswerKind::Capture.form();
            if let Some(mut capture) = self.file.answer(kind, self.maker.clone()) {
                capture.add(frame, segmentation).map_err(not_written)?;
                self.capture = Some((marked, capture));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<MadeAnswer>, Unanswered> {
        if !self.looked_at {
            return Err(ObjectFate::Mismatch.into());
        }
        if !self.found {
            return Err(ObjectFate::NothingFound.into());
        }
        let capture = self
            .capture
            .map(|(_, capture)| (AnswerKind::Capture, capture));
        let mut made = Vec::new();
        for (kind, answer) in self.whole.into_iter().chain(capture) {
            match answer.finish_named() {
                Ok((instance, bytes)) => made.push(MadeAnswer {
                    kind,
                    instance,
                    bytes,
                }),
                // Nobody knows that no name is drawn into it: the other answers show no picture.
                Err(AnswerError::Write(DicomWriteError::MayShowIdentity)) => {
                    tracing::warn!("a capture was left out: its picture may show whom it is of");
                }
                Err(error) => return Err(not_written(error)),
            }
        }
        match made.is_empty() {
            true => Err(not_written(DicomWriteError::MayShowIdentity)),
            false => Ok(made),
        }
    }
}

fn not_written(error: impl Into<AnswerError>) -> Unanswered {
    let error = error.into();
    let fate = match &error {
        AnswerError::TooMuch { .. } | AnswerError::Write(DicomWriteError::TooLarge) => {
            ObjectFate::TooLarge
        }
        AnswerError::Source(_) => ObjectFate::Damaged,
        _ => ObjectFate::NotWritten,
    };
    Unanswered::new(fate, error)
}
