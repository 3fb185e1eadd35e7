//! What can be had of a picture: one list, for metadata, requests and replies.

use serde::Serialize;

use super::values::DataType;
use picture::mask::presence::PresenceState;
use picture::segmenter::Segmentation;

/// An output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InferOutput {
    /// The mask.
    Mask,
    /// What the network said.
    Logits,
    /// The Dice to be expected.
    Confidence,
    /// Whether anything is there at all.
    Presence,
    /// Pixels in the mask.
    AreaPx,
}

/// An output's values, row-major.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum OutputValues {
    /// UINT8.
    Bytes(Vec<u8>),
    /// FP32.
    Floats(Vec<f32>),
    /// INT64.
    Wholes(Vec<i64>),
}

impl InferOutput {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::Mask,
        Self::Logits,
        Self::Confidence,
        Self::Presence,
        Self::AreaPx,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Logits => "logits",
            Self::Confidence => "confidence",
            Self::Presence => "presence",
            Self::AreaPx => "area_px",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|output| output.name() == name)
    }

    /// All names, in words.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// What its values are.
    pub const fn datatype(self) -> DataType {
        match self {
            Self::Mask => DataType::Uint8,
            Self::Logits | Self::Confidence | Self::Presence => DataType::Fp32,
            Self::AreaPx => DataType::Int64,
        }
    }

    /// Its shape, -1 where it depends on the picture or on what is known of it.
    pub const fn shape(self) -> &'static [i64] {
        match self {
            Self::Mask | Self::Logits => &[-1, -1],
            Self::Confidence | Self::Presence => &[-1],
            Self::AreaPx => &[1],
        }
    }

    /// Its shape and values. What is not known has none: no number stands for it.
    pub fn of(self, segmentation: &Segmentation) -> (Vec<usize>, OutputValues) {
        match self {
            Self::Mask => {
                let [width, height] = segmentation.mask.size();
                let pixels = segmentation.mask.pixels().to_vec();
                let shape = vec![height as usize, width as usize];
                (shape, OutputValues::Bytes(pixels))
            }
            Self::Logits => {
                let presence = segmentation.presence.map(|of| of.state);
                // Where nothing is there the mask is empty: whoever draws one from logits is to find none either.
                if presence == Some(PresenceState::Absent) {
                    return (vec![0, 0], OutputValues::Floats(Vec::new()));
                }
                let map = &segmentation.low_res;
                let shape = vec![map.side(), map.side()];
                (shape, OutputValues::Floats(map.logits().to_vec()))
            }
            Self::Confidence => known(segmentation.confidence),
            Self::Presence => known(segmentation.presence.map(|of| of.score)),
            Self::AreaPx => {
                let pixels = segmentation.mask.pixels().iter();
                let marked = pixels.filter(|pixel| **pixel != 0).count();
                let area = i64::try_from(marked).unwrap_or(i64::MAX);
                (vec![1], OutputValues::Wholes(vec![area]))
            }
        }
    }
}

/// One value, or none.
fn known(value: Option<f32>) -> (Vec<usize>, OutputValues) {
    let values: Vec<f32> = value.into_iter().collect();
    (vec![values.len()], OutputValues::Floats(values))
}

impl OutputValues {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Wholes(values) => values.len(),
        }
    }

    /// As the binary extension has them: little-endian, without gaps.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(values) => values,
            Self::Floats(values) => values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
            Self::Wholes(values) => values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        }
    }
}
