//! What was drawn, encoded or written down of a moment: once for all who look at it, and only if somebody does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use live::{LiveView, State};
use picture::render::RenderError;
use picture::report::Form;
use picture::sync::lock;
use tokio::sync::OnceCell;

use super::draw::Easel;
use super::rendition::Rendition;
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
    work: Artwork,
}

/// What of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artwork {
    /// A JPEG with state, age and notice on it.
    Drawn(Rendition),
    /// A JPEG of the picture as it is.
    Plain,
    /// The report on the mask, or the mask itself.
    Report(Form),
}

impl Title {
    /// That work of what is seen of a source.
    pub fn of(session: &live::Session, view: &LiveView, work: Artwork) -> Self {
        Self {
            session: session.number(),
            answer: view.answer.as_ref().map(|answer| answer.number),
            sequence: view.picture.as_ref().map(|picture| picture.sequence),
            newest: match work {
                Artwork::Drawn(Rendition { fresh: true, .. }) => {
                    view.newest.as_ref().map(|newest| newest.sequence)
                }
                _ => None,
            },
            state: view.state,
            frozen: view.frozen.is_some(),
            work,
        }
    }
}

/// Works, the newest last, and what is drawn with.
#[derive(Default)]
pub struct Gallery {
    /// Those that nobody draws with now: as many as ever drew at once.
    easels: Mutex<Vec<Easel>>,
    works: Mutex<VecDeque<(Title, Arc<OnceCell<Bytes>>)>>,
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
        lock(&self.easels).push(easel);
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
        let made = work.get_or_try_init(|| async {
            let made = tokio::task::spawn_blocking(make).await;
            let made = made.map_err(|error| internal(&error.to_string()))?;
            Ok::<_, Problem>(Bytes::from(made?))
        });
        Ok(made.await?.clone())
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
