//! A source's view → messages, for one client: what is news to it, and nothing that may not be shown.

use std::time::{Duration, Instant, SystemTime};

use igtl::{
    ArrayMessage, ByteOrder, DeviceName, HeaderVersion, IgtlStamp, ImageMessage, ImagePart,
    OutMessage, ScalarKind, StatusMessage, TypeName,
};
use live::{LivePicture, LiveView};
use picture::NOTICE;
use picture::scale::Scale;
use picture::segmenter::Segmentation;
use video::placement::Placement;

use crate::names::{DeviceNames, SentKind};
use crate::standing::LinkState;

/// A state is told again after so long, to who did not listen.
const AGAIN: Duration = Duration::from_secs(1);

/// How one client is told of one source.
pub(crate) struct Teller {
    names: DeviceNames,
    pictures: bool,
    /// What it was told last of how the source does, and when.
    state: Option<(LinkState, Instant)>,
    label: LabelState,
    /// How often it was told something: messages are numbered.
    number: u32,
}

/// The label map that the client has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LabelState {
    /// None yet.
    None,
    /// An empty one.
    Empty,
    /// Of that picture, by that answer.
    Of {
        answer: u64,
        picture: u64,
        shape: LabelShape,
    },
}

/// Size of a label map, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
struct LabelShape {
    size: [u32; 2],
    placement: Placement,
}

/// Whether logits are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogitWish {
    No,
    /// Those of this mask, or of the next one that may be shown.
    Once,
    /// With every mask that is news.
    Always,
}

/// How it is told: what the client takes, and what time it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling {
    /// Of its headers.
    pub version: HeaderVersion,
    /// The time of day, at the view's moment.
    pub day: SystemTime,
    /// Whether its state is told whatever was told before.
    pub asked: bool,
    /// Whether it wants logits.
    pub logits: LogitWish,
}

impl Teller {
    /// Nothing is told yet.
    pub fn new(names: DeviceNames, pictures: bool) -> Self {
        Self {
            names,
            pictures,
            state: None,
            label: LabelState::None,
            number: 0,
        }
    }

    /// How the source is called.
    pub fn names(&self) -> &DeviceNames {
        &self.names
    }

    /// Adds what is news of this view. Whether logits were among it.
    pub fn tell(&mut self, view: &LiveView, telling: Telling, out: &mut Vec<u8>) -> bool {
        let state = LinkState::of(view);
        let shown = match (state.shows_mask(), view.masked(), &view.picture) {
            (true, Some(segmentation), Some(picture)) => Some((segmentation, picture)),
            _ => None,
        };
        // First of all, that there is none any more.
        if shown.is_none() {
            self.clear(view, telling, out);
        }
        let told = self.state.is_some_and(|(told, at)| {
            told == state && view.now.saturating_duration_since(at) < AGAIN
        });
        if !told || telling.asked {
            self.state = Some((state, view.now));
            self.status(state, view, telling, out);
        }
        match shown {
            Some((segmentation, picture)) => self.show(view, segmentation, picture, telling, out),
            None => false,
        }
    }

    /// An empty label map, unless the client has that.
    fn clear(&mut self, view: &LiveView, telling: Telling, out: &mut Vec<u8>) {
        let shape = match self.label {
            LabelState::Empty => return,
            // Over the one that it has.
            LabelState::Of { shape, .. } => shape,
            // As large as what it sees elsewhere; of no picture there is nothing to empty.
            LabelState::None => match &view.newest {
                Some(newest) => LabelShape::of(newest, None),
                None => return,
            },
        };
        let metadata = [("Notice", NOTICE), ("State", LinkState::of(view).name())];
        let stamp = IgtlStamp::of(telling.day);
        let blank = vec![0; pixels(shape.size)];
        let message = self.message("IMAGE", SentKind::Label, stamp, telling, &metadata);
        if shape.write(message, &blank, 1, out) {
            self.label = LabelState::Empty;
        }
    }

    fn status(&mut self, state: LinkState, view: &LiveView, telling: Telling, out: &mut Vec<u8>) {
        let detail = view.detail.as_deref().unwrap_or_default();
        let text = match detail.is_empty() {
            true => format!("{}. {NOTICE}", state.words()),
            false => format!("{}: {detail}. {NOTICE}", state.words()),
        };
        let metadata = [("Notice", NOTICE), ("State", state.name())];
        let stamp = IgtlStamp::of(telling.day);
        let message = self.message("STATUS", SentKind::Status, stamp, telling, &metadata);
        let status = StatusMessage {
            code: state.code(),
            sub_code: 0,
            name: DeviceName::new(state.name()),
            text: text.as_bytes(),
        };
        message.write(out, |content| status.write(content));
    }

    /// A mask, after its picture, unless the client has it; and the logits, if they are wanted. Whether they were sent.
    fn show(
        &mut self,
        view: &LiveView,
        segmentation: &Segmentation,
        picture: &LivePicture,
        telling: Telling,
        out: &mut Vec<u8>,
    ) -> bool {
        let answer = view.answer.as_ref().map_or(0, |answer| answer.number);
        let shape = LabelShape::of(picture, Some(&segmentation.scale));
        let label = LabelState::Of {
            answer,
            picture: picture.sequence,
            shape,
        };
        let news = self.label != label;
        let wanted = match telling.logits {
            LogitWish::No => false,
            LogitWish::Once => true,
            LogitWish::Always => news,
        };
        if !news && !wanted {
            return false;
        }
        let age = view.now.saturating_duration_since(picture.captured);
        let stamp = stamp_of(picture, telling.day, age);
        let about = MaskFacts::of(segmentation, picture, age);
        let metadata = about.pairs(segmentation);
        if news {
            self.label = label;
            if self.pictures {
                let message =
                    self.message("IMAGE", SentKind::Image, stamp, telling, &metadata[..1]);
                shape.write(message, picture.frame.rgb(), 3, out);
            }
            let ones: Vec<u8> = (segmentation.mask.pixels().iter())
                .map(|pixel| u8::from(*pixel != 0))
                .collect();
            let message = self.message("IMAGE", SentKind::Label, stamp, telling, &metadata);
            shape.write(message, &ones, 1, out);
        }
        if wanted {
            let logits = &segmentation.low_res;
            let message = self.message("NDARRAY", SentKind::Logits, stamp, telling, &metadata);
            // A network's map has a few hundred cells a side.
            let side = u16::try_from(logits.side()).unwrap_or_default();
            message.write(out, |content| {
                ArrayMessage::write_square(side, logits.logits(), content);
            });
        }
        wanted
    }

    fn message<'a>(
        &mut self,
        kind: &str,
        sent: SentKind,
        stamp: IgtlStamp,
        telling: Telling,
        metadata: &'a [(&'a str, &'a str)],
    ) -> OutMessage<'a> {
        self.number = self.number.wrapping_add(1);
        OutMessage {
            version: telling.version,
            kind: TypeName::new(kind),
            device: self.names.device(sent),
            stamp,
            id: self.number,
            metadata,
        }
    }
}

/// What is said beside a mask.
struct MaskFacts {
    sequence: String,
    age_ms: String,
    confidence: String,
    pixel_mm: String,
}

impl MaskFacts {
    fn of(segmentation: &Segmentation, picture: &LivePicture, age: Duration) -> Self {
        let confidence = segmentation.confidence;
        Self {
            sequence: picture.sequence.to_string(),
            age_ms: age.as_millis().to_string(),
            confidence: confidence.map_or("unknown".into(), |dice| format!("{dice:.3}")),
            pixel_mm: match &segmentation.scale {
                Scale::Uniform(pixel) => pixel.to_string(),
                Scale::Unknown | Scale::Regions(_) => "unknown".into(),
            },
        }
    }

    /// Keys and values; the notice first.
    fn pairs<'a>(&'a self, segmentation: &'a Segmentation) -> [(&'a str, &'a str); 10] {
        [
            ("Notice", NOTICE),
            ("State", "mask"),
            ("Sequence", &self.sequence),
            ("AgeMs", &self.age_ms),
            ("PixelMm", &self.pixel_mm),
            ("Modality", &segmentation.modality),
            ("Label", &segmentation.label),
            ("Confidence", &self.confidence),
            ("Model", &segmentation.model),
            ("ModelSha256", &segmentation.model_sha256),
        ]
    }
}

/// The picture's own time where its source says one, so that who has it too finds the two together; else when it came in.
fn stamp_of(picture: &LivePicture, day: SystemTime, age: Duration) -> IgtlStamp {
    match picture.placement {
        Some(placement) if placement.stamp != IgtlStamp::default() => placement.stamp,
        _ => IgtlStamp::of(day.checked_sub(age).unwrap_or(day)),
    }
}

impl LabelShape {
    /// Of a picture: as it lies in the room, or as large as its pixels are; of unknown ones each is a millimetre, as the protocol
    /// has no way to say that nobody knows, and `PixelMm` says so.
    fn of(picture: &LivePicture, scale: Option<&Scale>) -> Self {
        let by_scale = match scale {
            Some(Scale::Uniform(pixel)) => Placement::of_pixel(*pixel),
            _ => Placement {
                steps: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
                ..Placement::default()
            },
        };
        let placement = picture.placement.unwrap_or(by_scale);
        Self {
            size: picture.frame.size(),
            // Its time is the message's.
            placement: Placement {
                stamp: IgtlStamp::default(),
                ..placement
            },
        }
    }

    /// Adds an image of that shape; whether there is one: sides are said in 16 bits.
    fn write(
        &self,
        message: OutMessage<'_>,
        samples: &[u8],
        components: u8,
        out: &mut Vec<u8>,
    ) -> bool {
        let [Ok(width), Ok(height)] = self.size.map(u16::try_from) else {
            return false;
        };
        let size = [width, height, 1];
        let image = ImageMessage {
            components,
            scalar: ScalarKind::Uint8,
            order: ByteOrder::Little,
            axes: self.placement.axes,
            size,
            matrix: self.placement.matrix(self.size),
            part: ImagePart::whole(size),
            samples,
        };
        message.write(out, |content| image.write(content));
        true
    }
}

fn pixels([width, height]: [u32; 2]) -> usize {
    width as usize * height as usize
}
