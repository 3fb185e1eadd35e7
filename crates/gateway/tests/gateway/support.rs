//! A gateway between a scanner and an archive.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dimse::{AeTitle, RemoteNode, SendError, Sent, TimeLimits};
use gateway::{DicomConfig, Gateway, ObjectFate};
use picture::frame::FrameLimits;
use picture::segmenter::{
    Clock, Done, EngineError, Job, Lane, LaneSpec, LiveSink, ModelInfo, Readiness, Segmenter,
    SystemClock,
};
use picture::sync::lock;
use tempfile::TempDir;
use testing::dicom::DicomSketch;
use testing::fake::Fake;

use crate::archive::Archive;

/// A loop of three frames: with a bright square, with nothing, with a larger square.
pub const SKETCH: DicomSketch<'_> = DicomSketch {
    size: [64, 48],
    frames: 3,
    modality: "US",
    regions: &[([0, 0, 63, 47], 0.2)],
    more: &UIDS,
};
const UIDS: [(u32, &str, &str); 2] = [
    (0x0020_000d, "UI", "1.2.3.100"),
    (0x0020_000e, "UI", "1.2.3.101"),
];
/// Longer than anything takes: reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Its pixels.
pub fn squares(frame: u32, x: u32, y: u32) -> u8 {
    let side = [10, 0, 20][frame as usize % 3];
    let inside = |at: u32, from: u32| (from..from + side).contains(&at);
    if inside(x, 20) && inside(y, 12) {
        230
    } else {
        20
    }
}

/// The same loop by another name.
pub fn a_loop(instance: &str) -> Vec<u8> {
    SKETCH.write_as(instance, squares)
}

/// A segmenter that first fails as it is told, one job after the other.
pub struct Failing {
    pub fake: Arc<Fake>,
    pub errors: Mutex<VecDeque<EngineError>>,
}

impl Segmenter for Failing {
    fn submit(&self, job: Job, done: Done) -> Result<(), EngineError> {
        match lock(&self.errors).pop_front() {
            Some(error @ EngineError::Overloaded { .. }) => Err(error),
            Some(error) => {
                done(Err(error));
                Ok(())
            }
            None => self.fake.submit(job, done),
        }
    }

    fn open_lane(&self, spec: LaneSpec, sink: Arc<dyn LiveSink>) -> Result<Lane, EngineError> {
        self.fake.open_lane(spec, sink)
    }

    fn models(&self) -> Vec<ModelInfo> {
        self.fake.models()
    }

    fn readiness(&self) -> Readiness {
        self.fake.readiness()
    }

    fn queue(&self) -> (usize, usize) {
        self.fake.queue()
    }

    fn limits(&self) -> FrameLimits {
        self.fake.limits()
    }
}

/// All three, in a folder.
pub struct Bench {
    pub here: TempDir,
    pub archive: Archive,
    pub fake: Arc<Fake>,
    gateway: Option<Gateway>,
}

impl Bench {
    pub fn start() -> Self {
        Self::with(|_| {}, [])
    }

    pub fn with(
        change: impl FnOnce(&mut DicomConfig),
        errors: impl Into<VecDeque<EngineError>>,
    ) -> Self {
        Self::by(Arc::new(SystemClock), change, errors)
    }

    /// On a clock that is handed in.
    pub fn by(
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut DicomConfig),
        errors: impl Into<VecDeque<EngineError>>,
    ) -> Self {
        let here = tempfile::tempdir().unwrap();
        let archive = Archive::start();
        let fake = Fake::new(4);
        let mut config = config(here.path(), &archive);
        change(&mut config);
        let failing = Arc::new(Failing {
            fake: fake.clone(),
            errors: Mutex::new(errors.into()),
        });
        let plan = config.plan().unwrap();
        let gateway = Gateway::begin(plan, failing, clock).unwrap();
        Self {
            here,
            archive,
            fake,
            gateway: Some(gateway),
        }
    }

    pub fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Ends it, and begins it anew in the same folder.
    pub fn restart(&mut self, change: impl FnOnce(&mut DicomConfig)) {
        assert!(self.gateway.take().unwrap().end(PATIENCE));
        let mut config = config(self.here.path(), &self.archive);
        change(&mut config);
        let plan = config.plan().unwrap();
        let fake = self.fake.clone();
        self.gateway = Some(Gateway::begin(plan, fake, Arc::new(SystemClock)).unwrap());
    }

    pub fn push(&self, bytes: &[u8]) -> Result<Sent, SendError> {
        let path = self.here.path().join("pushed.dcm");
        std::fs::write(&path, bytes).unwrap();
        scanner(self.gateway().address().port()).store(&path)
    }

    /// What became of objects, once there are so many.
    pub fn fates(&self, count: u64) -> BTreeMap<&'static str, u64> {
        let view = self.until(|gateway| {
            let fates = gateway.look().fates;
            (fates.values().sum::<u64>() >= count).then_some(fates)
        });
        view.into_iter()
            .map(|(fate, count)| (ObjectFate::name(fate), count))
            .collect()
    }

    /// Until there is something to be had; what waits is another thread, by the system's clock.
    pub fn until<T>(&self, look: impl Fn(&Gateway) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self.gateway()) {
                return found;
            }
            assert!(Instant::now() < deadline, "{:?}", self.gateway().look());
            std::thread::yield_now();
        }
    }

    /// What lies in one of its folders.
    pub fn lies_in(&self, folder: &str) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.here.path().join("dicom").join(folder)).unwrap();
        folder.map(|entry| entry.unwrap().path()).collect()
    }
}

pub fn config(here: &Path, archive: &Archive) -> DicomConfig {
    toml::from_str(&settings(here, archive.port)).unwrap()
}

/// Of a gateway in a folder, for a scanner "US1" on this machine.
pub fn settings(here: &Path, archive: u16) -> String {
    format!(
        "enabled = true\nlisten = '127.0.0.1:0'\nfolder = '{}'\n\
         callers = [{{ title = 'US1', address = '127.0.0.1' }}]\n\
         destinations = [{{ name = 'archive', to = {{ kind = 'web', root = 'http://127.0.0.1:{archive}' }} }}]\n",
        here.join("dicom").display()
    )
}

pub fn scanner(port: u16) -> RemoteNode {
    RemoteNode {
        host: "127.0.0.1".into(),
        port,
        title: AeTitle::new("ESPMEDSAM").unwrap(),
        own_title: AeTitle::new("US1").unwrap(),
        times: TimeLimits::default(),
        tls: None,
    }
}
