//! What was drawn, encoded or written down of a moment: once for all who look at it, and only if somebody does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use live::{LiveView, PaceReason, PaceStep, State};
use picture::render::RenderError;
use picture::sync::lock;
use tokio::sync::{OnceCell, Semaphore};

use super::draw::{Easel, age};
use super::rendition::{MaskForm, Rendition};
use crate::problem::{Problem, internal};

/// Works kept: those of the newest moment of each source, and of the one before it for whoever is still at it.
const MOST: usize = 24;

/// Which work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Title {
    /// The source's number.
    session: u64,
    /// The newest answer's number.
    answer: Option<u64>,
    /// The shown picture's number.
    sequence: Option<u64>,
    /// The newest picture's, where that is shown.
    newest: Option<u64>,
    state: State,
    frozen: bool,
    hidden: bool,
    /// What is written on it.
    said: Option<Lettered>,
    work: Artwork,
}

/// What is written on a picture, as far as it changes while the picture does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lettered {
    /// Tenths of a second.
    age: u128,
    /// Seconds.
    still: u64,
    step: PaceStep,
    reason: Option<PaceReason>,
}

/// What of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artwork {
    /// A JPEG with state, age and notice on it.
    Drawn(Rendition),
    /// A JPEG of the picture as it is.
    Plain,
    /// The report on the mask, with the mask in that form.
    Report(MaskForm),
    /// The mask, as a picture.
    Mask,
}

impl Title {
    /// That work of what is seen of a source.
    pub fn of(session: &live::Session, view: &LiveView, work: Artwork) -> Self {
        let drawn = match work {
            Artwork::Drawn(rendition) => Some(rendition),
            Artwork::Plain | Artwork::Report(_) | Artwork::Mask => None,
        };
        Self {
            session: session.number(),
            answer: view.answer.as_ref().map(|answer| answer.number),
            sequence: view.picture.as_ref().map(|picture| picture.sequence),
            newest: (drawn.filter(|rendition| rendition.fresh))
                .and(view.newest.as_ref())
                .map(|newest| newest.sequence),
            state: view.state,
            frozen: view.frozen.is_some(),
            hidden: view.hidden,
            said: drawn.map(|rendition| Lettered {
                age: age(view, rendition).map_or(0, |age| age.as_millis() / 100),
                still: view.still.map_or(0, |still| still.as_secs()),
                step: view.step,
                reason: view.reason,
            }),
            work,
        }
    }
}

/// Works being made at once. Each has a picture's pixels in memory, and the model wants the cores too.
const SEATS: usize = 2;

/// Works, the newest last, and what is drawn with.
pub struct Gallery {
    seats: Semaphore,
    /// Those that nobody draws with now.
    easels: Mutex<Vec<Easel>>,
    works: Mutex<VecDeque<(Title, Arc<OnceCell<Bytes>>)>>,
}

impl Default for Gallery {
    fn default() -> Self {
        Self {
            seats: Semaphore::new(SEATS),
            easels: Mutex::default(),
            works: Mutex::default(),
        }
    }
}

impl Gallery {
    /// What is seen of a source, drawn; once for all who look.
    ///
    /// # Errors
    /// What drawing it says.
    pub async fn drawn(
        self: &Arc<Self>,
        session: &live::Session,
        view: &LiveView,
        rendition: Rendition,
    ) -> Result<Bytes, Problem> {
        let title = Title::of(session, view, Artwork::Drawn(rendition));
        let (gallery, view) = (self.clone(), view.clone());
        let draw = move || gallery.at_easel(|easel| easel.jpeg(&view, rendition));
        self.show(title, draw).await
    }

    /// What is seen of a source, with nothing drawn upon it; once for all who look.
    ///
    /// # Errors
    /// What encoding it says.
    pub async fn plain(
        self: &Arc<Self>,
        session: &live::Session,
        view: &LiveView,
    ) -> Result<Bytes, Problem> {
        let title = Title::of(session, view, Artwork::Plain);
        let (gallery, view) = (self.clone(), view.clone());
        let draw = move || gallery.at_easel(|easel| easel.plain(&view));
        self.show(title, draw).await
    }

    /// Draws with one of the easels; takes milliseconds.
    ///
    /// # Errors
    /// What drawing says.
    pub fn at_easel<R>(
        &self,
        draw: impl FnOnce(&mut Easel) -> Result<R, RenderError>,
    ) -> Result<R, RenderError> {
        let easel = lock(&self.easels).pop();
        let mut easel = match easel {
            Some(easel) => easel,
            None => Easel::new().map_err(|error| RenderError::Encode(error.into()))?,
        };
        let drawn = draw(&mut easel)?;
        let mut easels = lock(&self.easels);
        if easels.len() < SEATS {
            easels.push(easel);
        }
        Ok(drawn)
    }

    /// The work of that title, made now if it is not there; who asks for the same meanwhile waits for it.
    ///
    /// # Errors
    /// What making it says.
    pub async fn show<F>(&self, title: Title, make: F) -> Result<Bytes, Problem>
    where
        F: FnOnce() -> Result<Vec<u8>, RenderError> + Send + 'static,
    {
        let work = self.place(title);
        let made = work.get_or_try_init(async || self.make(make).await.map(Bytes::from));
        Ok(made.await?.clone())
    }

    /// Makes what is for one alone, as soon as there is a seat.
    ///
    /// # Errors
    /// What making it says.
    pub async fn make<R, F>(&self, make: F) -> Result<R, Problem>
    where
        R: Send + 'static,
        F: FnOnce() -> Result<R, RenderError> + Send + 'static,
    {
        let failed = |error: &dyn std::error::Error| internal(&error.to_string());
        let _seat = self.seats.acquire().await.map_err(|error| failed(&error))?;
        let made = tokio::task::spawn_blocking(make).await;
        Ok(made.map_err(|error| failed(&error))??)
    }

    fn place(&self, title: Title) -> Arc<OnceCell<Bytes>> {
        let mut works = lock(&self.works);
        if let Some((_, work)) = works.iter().find(|(known, _)| *known == title) {
            return work.clone();
        }
        if works.len() >= MOST {
            works.pop_front();
        }
        let work = Arc::default();
        works.push_back((title, Arc::clone(&work)));
        work
    }
}
