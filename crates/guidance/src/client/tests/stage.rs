//! A source that does as it is told, and a client that looks on.

use std::collections::VecDeque;
use std::io::Result as IoResult;
use std::sync::Mutex;

use igtl::{IGTL_HEADER, ImageMatrix, ImageMessage, WorldAxes};
use live::{Asker, LiveSourceSpec, State};
use picture::frame::Frame;
use picture::segmenter::{ManualClock, Segmenter};
use picture::sync::lock;
use testing::fake::{Fake, MODALITIES};
use testing::puppet::{Act, Puppet};
use video::placement::Placement;
use video::spec::SourceSpec;

use super::super::*;

/// By the system's clock: reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a scripted client does.
#[derive(Clone, Default)]
pub struct Script(pub Arc<Mutex<Scripted>>);

#[derive(Default)]
pub struct Scripted {
    pub says: VecDeque<u8>,
    pub took: Vec<u8>,
    /// How many more bytes it takes; `None`: any number.
    pub takes: Option<usize>,
    pub gone: bool,
}

impl LinkSocket for Script {
    fn hear(&mut self, room: &mut [u8]) -> IoResult<Option<usize>> {
        let mut script = lock(&self.0);
        if script.gone {
            return Ok(Some(0));
        }
        let count = room.len().min(script.says.len());
        for to in &mut room[..count] {
            *to = script.says.pop_front().unwrap();
        }
        Ok((count > 0).then_some(count))
    }

    fn say(&mut self, bytes: &[u8], _: Duration) -> IoResult<Option<usize>> {
        let mut script = lock(&self.0);
        let count = script.takes.unwrap_or(usize::MAX).min(bytes.len());
        script.took.extend(&bytes[..count]);
        script.takes = script.takes.map(|left| left - count);
        Ok((count > 0).then_some(count))
    }
}

/// A message as it came.
pub struct Came {
    pub header: IgtlHeader,
    pub body: Vec<u8>,
}

impl Came {
    pub fn content(&self) -> MessageBody<'_> {
        MessageBody::read(&self.header, &self.body).unwrap()
    }

    pub fn image(&self) -> ImageMessage<'_> {
        ImageMessage::read(self.content().content).unwrap()
    }

    pub fn status(&self) -> StatusMessage<'_> {
        StatusMessage::read(self.content().content).unwrap()
    }

    pub fn said(&self, key: &str) -> Option<String> {
        let found = self
            .content()
            .metadata
            .pairs()
            .find(|(own, _)| *own == key.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

/// A source that does as it is told, and a client that looks on, by a clock that a test advances.
pub struct Stage {
    pub clock: Arc<ManualClock>,
    pub puppet: Puppet,
    pub studio: Arc<Studio>,
    pub session: Arc<Session>,
    pub script: Script,
    pub client: GuidanceClient<Script>,
}

impl Stage {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake: Arc<dyn Segmenter> = Fake::by(clock.clone(), 4);
        let puppet = Puppet::new(clock.clone());
        let studio = Studio::new(fake, clock.clone(), Arc::new(puppet.clone()));
        let spec = LiveSourceSpec {
            name: "probe".into(),
            source: SourceSpec::Phantom {
                target: "polyp".into(),
                rate: None,
            },
            view: video::prepare::SourceView::default(),
            modality: MODALITIES[1].into(),
            model: None,
            small_model: None,
            pixel_mm: None,
            budget_ms: None,
            signal_ms: None,
            steady: Some(false),
            unsure_below: None,
            clip_s: None,
            clip_mib: None,
        };
        let session = studio.begin_described(&spec, Asker::Owner).unwrap();
        let house = Arc::new(GuidanceHouse {
            studio: studio.clone(),
            clock: clock.clone(),
            version: HeaderVersion::Two,
            pictures: true,
            ends: AtomicBool::new(false),
        });
        let script = Script::default();
        let client = GuidanceClient::new(house, script.clone());
        Self {
            clock,
            puppet,
            studio,
            session,
            script,
            client,
        }
    }

    /// Does that until the state is so; time does not pass meanwhile.
    pub fn until(&self, state: State) {
        self.until_view(|view| view.state == state);
    }

    pub fn until_view(&self, is: impl Fn(&LiveView) -> bool) {
        let begun = Instant::now();
        while !is(&self.session.look()) {
            assert!(
                begun.elapsed() < PATIENCE,
                "{:?}",
                self.session.look().state
            );
            std::thread::yield_now();
        }
    }

    /// Shows this until its mask may be shown: what is withheld is shown only once it insists.
    pub fn until_mask(&self, act: &Act) {
        let begun = Instant::now();
        while self.session.look().state != State::Mask {
            assert!(
                begun.elapsed() < PATIENCE,
                "{:?}",
                self.session.look().state
            );
            self.show(act);
        }
    }

    /// Shows it, and lets a little time pass.
    pub fn show(&self, act: &Act) {
        let before = self.session.look().counts.capture.captured;
        self.puppet.act(act.clone());
        self.until_view(|view| view.counts.capture.captured > before);
        self.clock.advance(Duration::from_millis(20));
    }

    /// Sends what is news, and gives what came.
    pub fn turn(&mut self) -> Vec<Came> {
        self.client.turn().unwrap();
        let bytes = std::mem::take(&mut lock(&self.script.0).took);
        let (mut came, mut rest) = (Vec::new(), bytes.as_slice());
        while let Some((header, behind)) = rest.split_first_chunk::<IGTL_HEADER>() {
            let header = IgtlHeader::read(header).unwrap();
            let (body, behind) = behind.split_at(header.length as usize);
            came.push(Came {
                header,
                body: body.to_vec(),
            });
            rest = behind;
        }
        assert!(rest.is_empty());
        came
    }

    pub fn ask(&self, kind: &str, device: &str, version: HeaderVersion) {
        let question = OutMessage {
            version,
            kind: TypeName::new(kind),
            device: DeviceName::new(device),
            stamp: IgtlStamp(0),
            id: 0,
            metadata: &[],
        };
        let mut bytes = Vec::new();
        question.write(&mut bytes, |_| {});
        lock(&self.script.0).says.extend(bytes);
    }
}

pub fn names(came: &[Came]) -> Vec<String> {
    came.iter()
        .map(|came| format!("{} {}", came.header.kind, came.header.device))
        .collect()
}

/// Half bright, so that half of it is marked; it lies somewhere.
pub fn placed() -> (Act, ImageMatrix) {
    let mut rgb = vec![50; 3 * 20 * 16];
    rgb[..3 * 20 * 8].fill(220);
    let frame = Arc::new(Frame::new(20, 16, rgb).unwrap());
    let matrix = ImageMatrix {
        steps: [[0.0, 0.25, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]],
        centre: [10.0, 20.0, 30.0],
    };
    let placement = Placement {
        axes: WorldAxes::Ras,
        stamp: IgtlStamp(1_700_000_000 << 32),
        ..Placement::of_matrix(&matrix, frame.size())
    };
    (Act::Placed(frame, placement), matrix)
}
