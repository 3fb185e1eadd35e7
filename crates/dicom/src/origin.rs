//! Whom and what a file is of, for the objects that are made of it.
//!
//! Who somebody is, is read by [`Identity::Kept`](crate::Identity::Kept) alone, by a list of its own that holds nothing else, and
//! goes nowhere but into the objects that are written: [`DicomOrigin`] shows nothing of it, to logs, errors or anyone.

use crate::data::{Content, DataSet, ElementWish, Tag};
use crate::error::DicomError;
use crate::syntax::Coding;
use crate::uid::{References, Uid, Uids};

/// Which object is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectReference {
    /// SOP Class UID.
    pub class: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
}

/// Secondary Capture Image (PS3.4, B.5).
pub(crate) const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Elements of the Patient and General Study modules (PS3.3, C.7.1.1, C.7.2.1) by which a PACS files an object, and the
/// character set that they are in.
pub(crate) const PERSONAL: [Tag; 14] = [
    Tag(0x0008_0005),
    Tag(0x0008_0020),
    Tag(0x0008_0030),
    Tag(0x0008_0050),
    Tag(0x0008_0090),
    Tag(0x0008_1030),
    Tag(0x0010_0010),
    Tag(0x0010_0020),
    Tag(0x0010_0021),
    Tag(0x0010_0030),
    Tag(0x0010_0040),
    Tag(0x0012_0062),
    Tag(0x0012_0063),
    Tag(0x0020_0010),
];

/// Longest value that is taken along: a name in three scripts has 5 x 64 characters in each.
const LONGEST: usize = 4096;

/// Whom and what an object is of. Made by [`DicomFile::origin`](crate::DicomFile::origin), or for a picture that is no DICOM file.
#[derive(Clone)]
pub struct DicomOrigin {
    pub(crate) study: Uid,
    pub(crate) source: ObjectReference,
    /// Of the source.
    pub(crate) frames: u32,
    pub(crate) frame_of_reference: Option<Uid>,
    pub(crate) person: Person,
    pub(crate) lossy: Option<LossyCoding>,
}

/// Who it is.
#[derive(Clone)]
pub(crate) enum Person {
    /// A picture of which nobody ever said it.
    Unsaid,
    /// It was said, and is gone.
    Removed,
    /// The bytes of [`PERSONAL`] elements, as they were.
    Kept(Vec<(Tag, Vec<u8>)>),
}

/// Nothing of whom it is.
impl std::fmt::Debug for DicomOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DicomOrigin").finish_non_exhaustive()
    }
}

impl DicomOrigin {
    /// What is read for it.
    pub(crate) const WISH: ElementWish = ElementWish {
        of: |tag| {
            PERSONAL.binary_search(&tag).ok()?;
            Some(Content::Plain)
        },
        most: 64 << 10,
    };

    /// Of a picture that is no DICOM file: of nobody, in a study of its own. Its source is a Secondary Capture that need not exist;
    /// [`CaptureFile`](crate::CaptureFile) makes it of the picture, for viewers that draw masks over their source.
    #[must_use]
    pub fn of_picture(lossy: Option<LossyCoding>, uids: &mut Uids) -> Self {
        Self {
            person: Person::Unsaid,
            ..Self::without_identity(&References::default(), 1, lossy, uids)
        }
    }

    /// The kind of object is kept of what it refers to, and nothing else.
    pub(crate) fn without_identity(
        references: &References,
        frames: u32,
        lossy: Option<LossyCoding>,
        uids: &mut Uids,
    ) -> Self {
        let class = references.sop_class.clone();
        Self {
            study: uids.make(),
            source: ObjectReference {
                class: class.unwrap_or_else(|| Uid::fixed(SECONDARY_CAPTURE)),
                series: uids.make(),
                instance: uids.make(),
            },
            frames,
            frame_of_reference: references.frame_of_reference.is_some().then(|| uids.make()),
            person: Person::Removed,
            lossy,
        }
    }

    pub(crate) fn with_identity(
        references: References,
        frames: u32,
        lossy: Option<LossyCoding>,
        set: &DataSet,
    ) -> Result<Self, DicomError> {
        let missing = DicomError::Damaged("it lacks the UIDs by which it would be referred to");
        let References {
            study: Some(study),
            series: Some(series),
            instance: Some(instance),
            sop_class: Some(class),
            frame_of_reference,
        } = references
        else {
            return Err(missing);
        };
        let value = |tag: Tag| {
            let bytes = set.bytes(tag).filter(|bytes| bytes.len() <= LONGEST)?;
            // Some fill texts up with zeros.
            let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
            Some((tag, bytes.get(..end)?.to_vec()))
        };
        let personal = PERSONAL.into_iter().filter_map(value).collect();
        Ok(Self {
            study,
            source: ObjectReference {
                class,
                series,
                instance,
            },
            frames,
            frame_of_reference,
            person: Person::Kept(personal),
            lossy,
        })
    }

    /// Whose identity was taken away.
    pub(crate) fn is_removed(&self) -> bool {
        matches!(self.person, Person::Removed)
    }

    /// What is kept of the person.
    pub(crate) fn personal(&self) -> &[(Tag, Vec<u8>)] {
        match &self.person {
            Person::Kept(personal) => personal,
            Person::Unsaid | Person::Removed => &[],
        }
    }

    /// A frame's number where it has to be said: of a source that has several.
    pub(crate) fn frame_number(&self, frame: u32) -> Option<u32> {
        (self.frames > 1).then(|| frame.saturating_add(1))
    }

    /// What the objects made of it refer to as their source.
    #[must_use]
    pub fn source(&self) -> &ObjectReference {
        &self.source
    }
}

/// That pixels have once been compressed with loss, which is said ever after (PS3.3, C.7.6.1.1.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossyCoding {
    /// Defined term; `None` if nobody said.
    pub(crate) method: Option<&'static str>,
    /// How many times smaller it was; `None` if nobody said.
    pub(crate) ratio: Option<f64>,
}

/// Lossy Image Compression Methods (PS3.3, C.7.6.1.1.5.1).
const METHODS: [&str; 7] = [
    JPEG,
    "ISO_14495_1",
    "ISO_15444_1",
    "ISO_15444_15",
    "ISO_13818_2",
    "ISO_14496_10",
    "ISO_23008_2",
];
const JPEG: &str = "ISO_10918_1";

impl LossyCoding {
    /// A colour picture of so many columns and rows that was a JPEG file of so many bytes.
    #[must_use]
    pub fn of_jpeg([width, height]: [u32; 2], bytes: u64) -> Self {
        Self {
            method: Some(JPEG),
            ratio: Some(3.0 * f64::from(width) * f64::from(height) / bytes.max(1) as f64),
        }
    }

    /// By what the file says, and by its own coding; `compression` is that of its frames now.
    pub(crate) fn of(set: &DataSet, coding: Coding, compression: f64) -> Option<Self> {
        let own = match coding {
            Coding::JpegDct => Some(JPEG),
            Coding::JpegLs => Some("ISO_14495_1"),
            Coding::Jpeg2000 => Some("ISO_15444_1"),
            _ => None,
        };
        if set.text(Tag::LOSSY) != Some("01") && coding != Coding::JpegDct {
            return None;
        }
        let said = set.text(Tag::LOSSY_METHOD);
        let said = METHODS.into_iter().find(|method| said == Some(method));
        let ratio = set.number(Tag::LOSSY_RATIO).filter(|ratio| *ratio > 0.0);
        Some(Self {
            method: said.or(own),
            ratio: ratio.or(own.map(|_| compression)),
        })
    }
}
