//! All sources that are watched, by name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;

use picture::report::{Extras, Form, render};
use picture::scale::Scale;
use picture::segmenter::{Clock, Inbox, Segmenter};
use picture::sync::lock;

use crate::clip::{ClipAbout, ClipError, ClipFile, ClipShelf, SavedClip};
use crate::condition::BoardReading;
use crate::error::LiveError;
use crate::panel::FrontPanel;
use crate::session::Session;
use crate::spec::{Asker, LiveSourceSpec, SessionSpec, Workshop, is_name};

/// Most sources at once. One lane less than there are, so that each can be asked for something else in turn.
pub const MOST_SOURCES: usize = Inbox::MOST_LANES - 1;

/// All sources that are watched, and the model that is asked about them.
pub struct Studio {
    segmenter: Arc<dyn Segmenter>,
    clock: Arc<dyn Clock>,
    workshop: Arc<dyn Workshop>,
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
    begun: AtomicU64,
    clips: OnceLock<ClipShelf>,
    board: Mutex<Option<Arc<BoardReading>>>,
    panel: OnceLock<Arc<dyn FrontPanel>>,
}

impl Studio {
    /// Nothing is watched yet. The clock is the engine's.
    #[must_use]
    pub fn new(
        segmenter: Arc<dyn Segmenter>,
        clock: Arc<dyn Clock>,
        workshop: Arc<dyn Workshop>,
    ) -> Arc<Self> {
        Arc::new(Self {
            segmenter,
            clock,
            workshop,
            sessions: Mutex::default(),
            begun: AtomicU64::new(0),
            clips: OnceLock::new(),
            board: Mutex::default(),
            panel: OnceLock::new(),
        })
    }

    /// The model.
    #[must_use]
    pub fn segmenter(&self) -> &Arc<dyn Segmenter> {
        &self.segmenter
    }

    /// What makes sources, and knows cameras.
    #[must_use]
    pub fn workshop(&self) -> &Arc<dyn Workshop> {
        &self.workshop
    }

    /// Watches a source that is described, from now on.
    ///
    /// # Errors
    /// [`LiveError`]; [`LiveError::Bad`] is what is wrong with the description.
    pub fn begin_described(
        &self,
        spec: &LiveSourceSpec,
        asker: Asker,
    ) -> Result<Arc<Session>, LiveError> {
        self.begin(&spec.name, self.vet(spec, asker)?)
    }

    /// What would be watched, if that were begun; nothing is.
    ///
    /// # Errors
    /// As of [`Studio::begin_described`], apart from names that are taken and places that are not free.
    pub fn vet(&self, spec: &LiveSourceSpec, asker: Asker) -> Result<SessionSpec, LiveError> {
        if !self.allows(asker) {
            return Err(LiveError::Forbidden);
        }
        vet(self.workshop.as_ref(), spec, asker)
    }

    /// Watches a source from now on, under a name of letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// [`LiveError`].
    pub fn begin(&self, name: &str, spec: SessionSpec) -> Result<Arc<Session>, LiveError> {
        check_name(name)?;
        let mut sessions = lock(&self.sessions);
        if sessions.contains_key(name) {
            return Err(LiveError::NameTaken(name.into()));
        }
        if sessions.len() >= MOST_SOURCES {
            return Err(LiveError::TooMany { most: MOST_SOURCES });
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let (segmenter, clock) = (self.segmenter.clone(), self.clock.clone());
        let session = Arc::new(Session::begin(number, spec, segmenter, clock)?);
        sessions.insert(name.into(), session.clone());
        Ok(session)
    }

    /// Watches a source no more, as somebody asks.
    ///
    /// # Errors
    /// [`LiveError::Forbidden`], [`LiveError::NoSuch`].
    pub fn end_asked(&self, name: &str, asker: Asker) -> Result<(), LiveError> {
        if !self.allows(asker) {
            return Err(LiveError::Forbidden);
        }
        match self.end(name) {
            true => Ok(()),
            false => self.find(Some(name)).map(drop),
        }
    }

    /// Watches a source no more; whether it was.
    pub fn end(&self, name: &str) -> bool {
        // Ended without the lock.
        let session = lock(&self.sessions).remove(name);
        session.inspect(|session| session.end()).is_some()
    }

    /// Watches nothing any more; whoever looks sees that it has ended.
    pub fn end_all(&self) {
        for (name, _) in self.all() {
            self.end(&name);
        }
    }

    /// Whether that asker may begin and end sources.
    #[must_use]
    pub fn allows(&self, asker: Asker) -> bool {
        self.workshop.allows(asker)
    }

    /// The source of that name; without one the only source.
    ///
    /// # Errors
    /// [`LiveError::NoSuch`], with the names that there are.
    pub fn find(&self, name: Option<&str>) -> Result<(String, Arc<Session>), LiveError> {
        let sessions = lock(&self.sessions);
        let found = match name {
            Some(name) => sessions.get_key_value(name),
            None if sessions.len() == 1 => sessions.first_key_value(),
            None => None,
        };
        match found {
            Some((name, session)) => Ok((name.clone(), session.clone())),
            None => Err(LiveError::NoSuch {
                asked: name.map(str::to_owned),
                available: sessions.keys().cloned().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// Has clips saved there from now on; whether no other place was set before.
    pub fn keep_clips(&self, shelf: ClipShelf) -> bool {
        self.clips.set(shelf).is_ok()
    }

    /// Where clips are saved.
    ///
    /// # Errors
    /// [`ClipError::NoFolder`].
    pub fn clips(&self) -> Result<&ClipShelf, ClipError> {
        self.clips.get().ok_or(ClipError::NoFolder)
    }

    /// Saves what is kept of the last seconds of the source of that name; without one of the only source. Pictures go on
    /// coming in meanwhile. It is told the time of day. Blocks until the clip lies on the disk.
    ///
    /// # Errors
    /// [`LiveError::NoSuch`], [`LiveError::Clip`].
    pub fn save_clip(&self, name: Option<&str>, at: SystemTime) -> Result<SavedClip, LiveError> {
        let (source, session) = self.find(name)?;
        let shelf = self.clips()?;
        let clip = session.clip().ok_or(ClipError::Off)?;
        let (asked, settings) = (session.asked(), session.settings());
        let about = ClipAbout {
            source,
            label: session.label(),
            modality: asked.modality.to_string(),
            model: asked.model,
            budget: settings.patience.budget,
            pixel_mm: match session.scale() {
                Scale::Uniform(pixel) => Some(pixel.mm()),
                Scale::Unknown | Scale::Regions(_) => None,
            },
        };
        Ok(shelf.save(&clip, &about, at)?)
    }

    /// Saves the picture of the source of that name that is shown now, with its mask, beside the clips. It is told the time of
    /// day. Blocks until it lies on the disk.
    ///
    /// # Errors
    /// [`LiveError::NoSuch`], [`LiveError::Clip`].
    pub fn save_snapshot(&self, name: &str, at: SystemTime) -> Result<ClipFile, LiveError> {
        let (source, session) = self.find(Some(name))?;
        let shelf = self.clips()?;
        let view = session.look();
        let masked = view.masked().ok_or(ClipError::NoMask(view.state.name()))?;
        let drawn = render(masked.clone(), Form::Overlay, Extras::default());
        let drawn = drawn.map_err(ClipError::Drawing)?;
        Ok(shelf.save_snapshot(&source, &drawn.bytes, at)?)
    }

    /// How the board does, to be told every few seconds. While it is held back, less is asked of it.
    pub fn board_does(&self, reading: BoardReading) {
        let held_back = reading.held_back();
        *lock(&self.board) = Some(Arc::new(reading));
        for (_, session) in self.all() {
            session.strained(held_back);
        }
    }

    /// How the board does, as it was last told.
    #[must_use]
    pub fn board(&self) -> Option<Arc<BoardReading>> {
        lock(&self.board).clone()
    }

    /// Has this panel looked at from now on; whether there was no other before.
    pub fn has_panel(&self, panel: Arc<dyn FrontPanel>) -> bool {
        self.panel.set(panel).is_ok()
    }

    /// Lights and a foot switch, if there are any.
    #[must_use]
    pub fn panel(&self) -> Option<&Arc<dyn FrontPanel>> {
        self.panel.get()
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Arc<Session>)> {
        let sessions = lock(&self.sessions);
        let pair = |(name, session): (&String, &Arc<Session>)| (name.clone(), session.clone());
        sessions.iter().map(pair).collect()
    }
}

/// What would be watched, of a source that is described so; whether that asker may, and whether there is room, is not asked.
///
/// # Errors
/// [`LiveError::BadName`], [`LiveError::Bad`].
pub fn vet(
    workshop: &dyn Workshop,
    spec: &LiveSourceSpec,
    asker: Asker,
) -> Result<SessionSpec, LiveError> {
    check_name(&spec.name)?;
    Ok(spec.session(workshop, asker)?)
}

fn check_name(name: &str) -> Result<(), LiveError> {
    match is_name(name) {
        true => Ok(()),
        false => Err(LiveError::BadName),
    }
}

impl std::fmt::Debug for Studio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.all().into_iter().map(|(name, _)| name).collect();
        f.debug_struct("Studio")
            .field("sources", &names)
            .finish_non_exhaustive()
    }
}
