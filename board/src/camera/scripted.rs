//! A camera that does what was written down beforehand, by the clock that it is given.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use picture::segmenter::Clock;
use rustix::io::Errno;

use super::device::{Camera, CameraBus, CameraInfo, Filled, InputSignal};
use super::format::{CameraMode, OfferedFormat, PixelLayout};

/// Buffers that a camera fills when nobody takes them; what comes then is dropped.
const BUFFERS: usize = 4;

/// What a scripted camera is and does.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it offers.
    pub offers: Vec<OfferedFormat>,
    /// How its pictures are laid out, whatever it is asked for.
    pub layout: PixelLayout,
    /// From one picture to the next.
    pub every: Duration,
    /// What happens, in turn. After the last the camera is silent.
    pub happenings: Vec<Happening>,
    /// Whether it then begins anew; there must be a picture or a silence among them.
    pub again: bool,
}

/// What happens to a camera.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A picture comes.
    Picture(Arc<[u8]>),
    /// One comes that the driver marks as damaged.
    Damaged(Arc<[u8]>),
    /// The driver drops so many.
    Dropped(u32),
    /// Nothing comes for so long.
    Silence(Duration),
    /// Its input has a signal from now on, or none.
    Input(InputSignal),
    /// Its pictures are laid out in another way from now on.
    Relaid(PixelLayout),
    /// It is unplugged, and is back after so long.
    Unplugged(Duration),
}

/// A bus with one scripted camera.
#[derive(Clone, Debug)]
pub struct ScriptedBus {
    path: PathBuf,
    offers: Arc<[OfferedFormat]>,
    scene: Arc<Scene>,
}

/// What all handles of the camera share.
struct Scene {
    clock: Arc<dyn Clock>,
    play: Mutex<Play>,
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").finish_non_exhaustive()
    }
}

/// Where in the script it is.
struct Play {
    script: Script,
    next: usize,
    /// When the next happening is due.
    due: Instant,
    sequence: u32,
    signal: InputSignal,
    filled: VecDeque<Buffer>,
    /// How often it was unplugged: what was opened before is dead.
    life: u32,
    gone_until: Option<Instant>,
}

#[derive(Clone)]
struct Buffer {
    bytes: Arc<[u8]>,
    sequence: u32,
    taken: Instant,
    damaged: bool,
}

impl ScriptedBus {
    /// A bus on which the camera is found by that path; its script begins now.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, script: Script, clock: Arc<dyn Clock>) -> Self {
        let play = Play {
            next: 0,
            due: clock.now() + script.every,
            sequence: 0,
            signal: InputSignal::Present,
            filled: VecDeque::with_capacity(BUFFERS),
            life: 0,
            gone_until: None,
            script,
        };
        Self {
            path: path.into(),
            offers: play.script.offers.clone().into(),
            scene: Arc::new(Scene {
                clock,
                play: Mutex::new(play),
            }),
        }
    }
}

impl CameraBus for ScriptedBus {
    fn list(&self) -> io::Result<Vec<CameraInfo>> {
        let (play, _) = self.scene.now();
        let there = play.gone_until.is_none().then(|| CameraInfo {
            path: self.path.clone(),
            stable: None,
            card: "Scripted camera".to_owned(),
            problem: None,
        });
        Ok(there.into_iter().collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Camera>> {
        let (play, _) = self.scene.now();
        if play.gone_until.is_some() || path != self.path {
            return Err(Errno::NOENT.into());
        }
        Ok(Box::new(ScriptedCamera {
            life: play.life,
            offers: Arc::clone(&self.offers),
            scene: Arc::clone(&self.scene),
            held: None,
        }))
    }
}

impl Scene {
    /// The play as it stands now, and what time that is.
    fn now(&self) -> (MutexGuard<'_, Play>, Instant) {
        let mut play = self.play.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        play.go_on(now);
        (play, now)
    }
}

impl Play {
    /// Lets happen what is due.
    fn go_on(&mut self, now: Instant) {
        loop {
            match self.gone_until {
                Some(until) if until > now => return,
                Some(until) => {
                    self.gone_until = None;
                    self.due = until + self.script.every;
                }
                None => (),
            }
            if self.script.again && self.next == self.script.happenings.len() {
                self.next = 0;
            }
            if self.due > now || !self.happen() {
                return;
            }
        }
    }

    /// Lets the next thing happen at the time that is due; whether there was one.
    fn happen(&mut self) -> bool {
        // A clone of a picture is one more handle to its bytes.
        let Some(happening) = self.script.happenings.get(self.next).cloned() else {
            return false;
        };
        self.next += 1;
        match happening {
            Happening::Picture(bytes) => self.fill(bytes, false),
            Happening::Damaged(bytes) => self.fill(bytes, true),
            Happening::Dropped(count) => self.sequence = self.sequence.wrapping_add(count),
            Happening::Silence(length) => self.due += length,
            Happening::Input(signal) => self.signal = signal,
            Happening::Relaid(layout) => self.script.layout = layout,
            Happening::Unplugged(length) => {
                self.filled.clear();
                self.sequence = 0;
                self.life += 1;
                self.gone_until = Some(self.due + length);
            }
        }
        true
    }

    fn fill(&mut self, bytes: Arc<[u8]>, damaged: bool) {
        if self.filled.len() < BUFFERS {
            self.filled.push_back(Buffer {
                bytes,
                sequence: self.sequence,
                taken: self.due,
                damaged,
            });
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.due += self.script.every;
    }
}

/// A handle to the camera, good until it is unplugged.
struct ScriptedCamera {
    scene: Arc<Scene>,
    offers: Arc<[OfferedFormat]>,
    life: u32,
    held: Option<Buffer>,
}

impl ScriptedCamera {
    fn play(&self) -> io::Result<(MutexGuard<'_, Play>, Instant)> {
        let (play, now) = self.scene.now();
        match play.life == self.life {
            true => Ok((play, now)),
            false => Err(Errno::NODEV.into()),
        }
    }
}

impl Camera for ScriptedCamera {
    fn offers(&mut self) -> io::Result<Vec<OfferedFormat>> {
        self.layout().map(|_| self.offers.to_vec())
    }

    fn start(&mut self, _: &CameraMode) -> io::Result<PixelLayout> {
        self.layout()
    }

    fn layout(&mut self) -> io::Result<PixelLayout> {
        Ok(self.play()?.0.script.layout)
    }

    fn wait(&mut self, at_most: Duration) -> io::Result<bool> {
        let until = self.scene.clock.now() + at_most;
        loop {
            let wake = {
                // Unplugged is something to wake up for as well.
                let Ok((play, now)) = self.play() else {
                    return Ok(true);
                };
                if !play.filled.is_empty() {
                    return Ok(true);
                }
                if now >= until {
                    return Ok(false);
                }
                match play.next < play.script.happenings.len() {
                    true => play.due.min(until),
                    false => until,
                }
            };
            self.scene.clock.sleep_until(wake);
        }
    }

    fn take(&mut self) -> io::Result<Option<Filled<'_>>> {
        let (taken, more, now) = {
            let (mut play, now) = self.play()?;
            (play.filled.pop_front(), !play.filled.is_empty(), now)
        };
        if taken.is_none() {
            return Ok(None);
        }
        self.held = taken;
        Ok(self.held.as_ref().map(|buffer| Filled {
            bytes: &buffer.bytes,
            sequence: buffer.sequence,
            age: Some(now.saturating_duration_since(buffer.taken)),
            damaged: buffer.damaged,
            more,
        }))
    }

    fn signal(&mut self) -> InputSignal {
        self.play()
            .map_or(InputSignal::Present, |(play, _)| play.signal)
    }
}
