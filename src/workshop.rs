//! Makes sources: what opens a pipe, a file, a camera or a phantom, and what a client may ask for.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use board::camera::{
    CameraBus, CameraInfo, CameraOpener, CameraWish, LinuxBus, OfferedFormat, is_video_device,
};
use live::{Asker, CameraFormat, CameraSize, OfferedCamera, Workshop};
use picture::frame::FrameLimits;
use picture::segmenter::SystemClock;
use serde::{Deserialize, Serialize};
use video::phantom::{Anatomy, Incident, IncidentKind, Phantom, PhantomSpec};
use video::source::{Opener, SourceContext, SourceError};
use video::spec::{PictureRate, SourceSpec};

/// What clients may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientRights {
    /// Whether a client may begin and end sources: cameras of this machine and phantoms.
    pub sources: bool,
    /// The folder whose files and folders a client may have replayed; none, unless set.
    pub replays: Option<PathBuf>,
    /// Whether a client may have this machine fetch video from other machines, or read FIFOs.
    pub elsewhere: bool,
}

/// Makes sources of this machine.
pub struct LocalWorkshop {
    context: SourceContext,
    rights: ClientRights,
}

/// Why there is no such source.
#[derive(Debug, thiserror::Error)]
enum SourceRefusal {
    #[error("there is no phantom '{0}'; there are: {names}", names = phantoms())]
    Phantom(String),
    #[error(
        "clients may not have files replayed from there (`live.clients.replays` in the configuration)"
    )]
    Replays,
    #[error(
        "clients may not have video fetched from elsewhere (`live.clients.elsewhere` in the configuration)"
    )]
    Elsewhere,
    #[error("a client's camera is /dev/video and a number, or a link in /dev/v4l")]
    NoCamera,
    #[error("a phantom shows 1 to 240 whole pictures a second")]
    Rate,
    #[error("{} is no camera and no grabber", .0.display())]
    NotACamera(PathBuf),
    #[error("size: there are no pictures of {0} x {1} pixels")]
    Size(u32, u32),
    // Whose path may name a patient: the source's name tells which.
    #[error("there is no such file and no such folder")]
    NoFile,
    #[error("its path is neither a file's nor a folder's")]
    NotAFile,
    #[error("its path is not a FIFO's; files and folders are replayed instead")]
    NotAFifo,
}

impl From<SourceRefusal> for SourceError {
    fn from(refusal: SourceRefusal) -> Self {
        Self::Unusable(refusal.into())
    }
}

/// The phantoms by name, and whether each has its target; without, there is nothing to be found.
const PHANTOMS: [(&str, Anatomy, bool); 6] = [
    ("fetal-head", Anatomy::FetalHead, true),
    ("lesion", Anatomy::Lesion, true),
    ("polyp", Anatomy::Polyp, true),
    ("no-fetal-head", Anatomy::FetalHead, false),
    ("no-lesion", Anatomy::Lesion, false),
    ("no-polyp", Anatomy::Polyp, false),
];

fn phantoms() -> String {
    PHANTOMS.map(|(name, ..)| name).join(", ")
}

impl LocalWorkshop {
    /// With the system's clock.
    pub fn new(limits: FrameLimits, rights: ClientRights) -> Self {
        let clock = Arc::new(SystemClock);
        Self {
            context: SourceContext { clock, limits },
            rights,
        }
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), SourceRefusal> {
        match spec {
            SourceSpec::Phantom { .. } => Ok(()),
            SourceSpec::V4l2 { device, .. } => match is_camera(device) {
                true => Ok(()),
                false => Err(SourceRefusal::NoCamera),
            },
            SourceSpec::Replay { path, .. } => match &self.rights.replays {
                Some(folder) if lies_in(path, folder) => Ok(()),
                _ => Err(SourceRefusal::Replays),
            },
            SourceSpec::Http { .. } | SourceSpec::OpenIgtLink { .. } | SourceSpec::Pipe { .. } => {
                match self.rights.elsewhere {
                    true => Ok(()),
                    false => Err(SourceRefusal::Elsewhere),
                }
            }
        }
    }

    fn phantom(&self, target: &str, rate: Option<PictureRate>) -> Result<Phantom, SourceError> {
        let found = PHANTOMS.iter().find(|(name, ..)| *name == target);
        let (_, anatomy, there) = found.ok_or_else(|| SourceRefusal::Phantom(target.into()))?;
        let never = Incident {
            frames: 0..u64::MAX,
            kind: IncidentKind::Empty,
        };
        let default = PhantomSpec::new(*anatomy);
        let spec = PhantomSpec {
            rate: match rate.map(f64::from) {
                None => default.rate,
                Some(rate) if rate.fract() == 0.0 => rate as u32,
                Some(_) => return Err(SourceRefusal::Rate.into()),
            },
            incidents: if *there { Vec::new() } else { vec![never] },
            ..default
        };
        let phantom = Phantom::new(spec, self.context.clock.clone());
        phantom.map_err(|error| SourceError::Unusable(error.into()))
    }
}

/// Whether what is there can be what was described. Recordings have to be there; a camera or a FIFO may come, go, and come back, and
/// what may not be looked at is found out when it is opened.
fn check_place(spec: &SourceSpec) -> Result<(), SourceRefusal> {
    match spec {
        SourceSpec::V4l2 { device, size, .. } => {
            if let Some([width, height]) = *size
                && (width == 0 || height == 0)
            {
                return Err(SourceRefusal::Size(width, height));
            }
            match device.metadata() {
                Ok(about) if !is_video_device(&about) => {
                    Err(SourceRefusal::NotACamera(device.clone()))
                }
                _ => Ok(()),
            }
        }
        SourceSpec::Replay { path, .. } => match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SourceRefusal::NoFile),
            Ok(about) if !about.is_file() && !about.is_dir() => Err(SourceRefusal::NotAFile),
            _ => Ok(()),
        },
        SourceSpec::Pipe { path } => {
            let is_fifo = |about: Metadata| about.file_type().is_fifo();
            match path == Path::new("-") || path.metadata().map_or(true, is_fifo) {
                true => Ok(()),
                false => Err(SourceRefusal::NotAFifo),
            }
        }
        SourceSpec::Http { .. } | SourceSpec::OpenIgtLink { .. } | SourceSpec::Phantom { .. } => {
            Ok(())
        }
    }
}

/// Whether a path is one that cameras have, there or not: to open any other device may already do something to it.
fn is_camera(path: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    let node = path.parent() == Some(Path::new("/dev"))
        && (path.file_name().and_then(|name| name.to_str()))
            .and_then(|name| name.strip_prefix("video"))
            .is_some_and(|number| number.parse::<u16>().is_ok());
    path.components().all(plain) && (node || path.starts_with("/dev/v4l"))
}

/// Whether what is really at that path lies in the folder, links followed.
fn lies_in(path: &Path, folder: &Path) -> bool {
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}

impl Workshop for LocalWorkshop {
    fn opener(&self, spec: &SourceSpec, asker: Asker) -> Result<Arc<dyn Opener>, SourceError> {
        if asker == Asker::Client {
            self.check(spec)?;
        }
        check_place(spec)?;
        if let Some(opener) = spec.opener(&self.context) {
            return Ok(opener);
        }
        match spec {
            SourceSpec::V4l2 {
                device,
                size,
                rate,
                encoding,
            } => {
                let default = CameraWish::default();
                let wish = CameraWish {
                    encoding: *encoding,
                    size: size.unwrap_or(default.size),
                    fps: rate.map_or(default.fps, |rate| f64::from(rate) as f32),
                };
                let opener = CameraOpener::new(device, self.context.clone());
                Ok(Arc::new(CameraOpener { wish, ..opener }))
            }
            SourceSpec::Phantom { target, rate } => Ok(Arc::new(self.phantom(target, *rate)?)),
            SourceSpec::Pipe { .. }
            | SourceSpec::Http { .. }
            | SourceSpec::OpenIgtLink { .. }
            | SourceSpec::Replay { .. } => Err(SourceError::Unusable("it has no opener".into())),
        }
    }

    fn limits(&self) -> FrameLimits {
        self.context.limits
    }

    fn allows(&self, asker: Asker) -> bool {
        asker == Asker::Owner || self.rights.sources
    }

    fn cameras(&self) -> io::Result<Vec<OfferedCamera>> {
        cameras()
    }
}

/// This machine's cameras and grabbers, and what they offer.
///
/// # Errors
/// The system's, if it cannot be asked at all.
pub fn cameras() -> io::Result<Vec<OfferedCamera>> {
    let found = LinuxBus.list()?;
    Ok(found
        .into_iter()
        .map(|info| offered(&LinuxBus, info))
        .collect())
}

/// A camera with what it offers; why not, if it says nothing.
fn offered(bus: &dyn CameraBus, info: CameraInfo) -> OfferedCamera {
    let (formats, problem) = match info.problem {
        Some(problem) => (Vec::new(), Some(problem)),
        None => match bus.open(&info.path).and_then(|mut camera| camera.offers()) {
            Ok(formats) => (formats, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        },
    };
    OfferedCamera {
        path: info.path,
        stable: info.stable,
        card: info.card,
        problem,
        formats: formats.into_iter().map(listed).collect(),
    }
}

fn listed(format: OfferedFormat) -> CameraFormat {
    let sizes = format.sizes.into_iter().map(|size| CameraSize {
        smallest: size.smallest,
        largest: size.largest,
        step: size.step,
        fps: size.fps,
    });
    CameraFormat {
        code: format.code.to_string(),
        encoding: format.code.encoding(),
        sizes: sizes.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use board::camera::{OfferedSize, PixelCode, PixelLayout, Script, ScriptedBus};
    use video::convert::{YuvRange, YuvStandard};
    use video::source::Encoding;

    use super::*;

    fn workshop(rights: ClientRights) -> LocalWorkshop {
        LocalWorkshop::new(FrameLimits::default(), rights)
    }

    fn phantom(target: &str) -> SourceSpec {
        SourceSpec::Phantom {
            target: target.into(),
            rate: None,
        }
    }

    #[test]
    fn clients_may_ask_for_what_the_owner_allows() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("loop");
        std::fs::create_dir(&inside).unwrap();
        let replay = |path: &Path| SourceSpec::Replay {
            path: path.into(),
            rate: None,
            r#loop: true,
        };
        let pipe = SourceSpec::Pipe {
            path: "/run/video".into(),
        };
        let some = workshop(ClientRights {
            sources: true,
            replays: Some(folder.path().into()),
            elsewhere: false,
        });
        let none = workshop(ClientRights::default());
        let refused = |workshop: &LocalWorkshop, spec: &SourceSpec| {
            workshop.opener(spec, Asker::Client).is_err()
        };
        assert!(some.allows(Asker::Client) && !none.allows(Asker::Client));
        for spec in [&phantom("polyp"), &replay(&inside), &pipe] {
            assert!(none.opener(spec, Asker::Owner).is_ok());
        }
        assert!(!refused(&some, &phantom("polyp")) && !refused(&some, &replay(&inside)));
        assert!(refused(&some, &pipe) && refused(&some, &replay(Path::new("/"))));
        assert!(refused(&some, &replay(&inside.join("../.."))));
    }

    #[test]
    fn what_is_something_else_is_refused_and_what_may_come_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (file, missing) = (folder.path().join("file"), folder.path().join("missing"));
        std::fs::write(&file, "").unwrap();
        let camera = |device: &Path, size| SourceSpec::V4l2 {
            device: device.into(),
            size,
            rate: None,
            encoding: None,
        };
        let replay = |path: &Path| SourceSpec::Replay {
            path: path.into(),
            rate: None,
            r#loop: true,
        };
        let pipe = |path: &Path| SourceSpec::Pipe { path: path.into() };
        let null = Path::new("/dev/null");
        let why = |spec: &SourceSpec| {
            let opener = workshop(ClientRights::default()).opener(spec, Asker::Owner);
            opener.err().map(|error| error.to_string())
        };
        for spec in [
            camera(&missing, None),
            camera(Path::new("/dev/video4242"), Some([640, 480])),
            replay(&file),
            replay(folder.path()),
            pipe(&missing),
            pipe(Path::new("-")),
        ] {
            assert_eq!(why(&spec), None, "{spec:?}");
        }
        for (spec, expected) in [
            (camera(null, None), "/dev/null is no camera"),
            (camera(&file, None), "is no camera"),
            (camera(folder.path(), None), "is no camera"),
            (camera(&missing, Some([640, 0])), "640 x 0"),
            (replay(&missing), "there is no such file"),
            (replay(null), "neither a file's nor a folder's"),
            (pipe(&file), "not a FIFO"),
        ] {
            let why = why(&spec).unwrap_or_default();
            assert!(why.contains(expected), "{spec:?}: {why}");
        }
    }

    #[test]
    fn a_camera_is_listed_with_what_it_offers() {
        let layout = PixelLayout {
            code: PixelCode::MJPG,
            size: [1280, 720],
            stride: 0,
            bytes: 1 << 20,
            range: YuvRange::Limited,
            standard: YuvStandard::Bt601,
        };
        let size = OfferedSize {
            smallest: [1280, 720],
            largest: [1280, 720],
            step: [1, 1],
            fps: vec![30.0],
            any_between: false,
        };
        let script = Script {
            offers: vec![OfferedFormat {
                code: PixelCode::MJPG,
                sizes: vec![size],
            }],
            layout,
            every: Duration::from_millis(40),
            happenings: Vec::new(),
            again: false,
        };
        let bus = ScriptedBus::new("/dev/video7", script, Arc::new(SystemClock));
        let info = bus.list().unwrap().remove(0);
        let gone = CameraInfo {
            path: "/dev/video8".into(),
            ..info.clone()
        };
        let camera = offered(&bus, info);
        assert_eq!((camera.problem, camera.path), (None, "/dev/video7".into()));
        let [format] = camera.formats.as_slice() else {
            panic!("{:?}", camera.formats);
        };
        assert_eq!(
            (format.code.as_str(), format.encoding),
            ("MJPG", Some(Encoding::Jpeg))
        );
        assert_eq!(
            (format.sizes[0].largest, format.sizes[0].fps.as_slice()),
            ([1280, 720], &[30.0][..])
        );
        let camera = offered(&bus, gone);
        assert!(camera.problem.is_some() && camera.formats.is_empty());
    }

    #[test]
    fn a_client_s_camera_is_a_camera_s_node() {
        for path in ["/dev/video0", "/dev/v4l/by-id/usb-grabber"] {
            assert!(is_camera(Path::new(path)), "{path}");
        }
        for path in [
            "/dev/watchdog",
            "/dev/videos",
            "/dev/v4l/../watchdog",
            "video0",
            "/etc/passwd",
        ] {
            assert!(!is_camera(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn phantoms_are_named() {
        let workshop = workshop(ClientRights::default());
        for (name, ..) in PHANTOMS {
            assert!(workshop.opener(&phantom(name), Asker::Owner).is_ok());
        }
        let refused = workshop
            .opener(&phantom("unicorn"), Asker::Owner)
            .err()
            .unwrap();
        assert!(
            refused
                .to_string()
                .contains("fetal-head, lesion, polyp, no-fetal-head"),
            "{refused}"
        );
    }
}
