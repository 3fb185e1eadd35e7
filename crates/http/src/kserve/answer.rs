//! A result as the protocol has it.

use axum::http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::JSON_LENGTH;
use super::name::VERSION;
use super::outputs::{InferOutput, OutputValues};
use super::values::DataType;
use crate::problem::{Kind, Problem, internal};
use picture::mask::presence::PresenceState;
use picture::report::{CheckState, Found, told};
use picture::segmenter::Segmentation;

/// Most values of an output that are written as JSON, where each takes up to four bytes and more.
const MOST_IN_JSON: usize = 4 << 20;

/// What the reply is made of, besides the result.
pub struct InferReplyTo {
    /// The model's name, as it was asked.
    pub name: String,
    /// The request's id.
    pub id: Option<String>,
    /// What is wanted, and whether as binary data.
    pub outputs: Vec<(InferOutput, bool)>,
}

/// The reply to an inference request.
#[derive(Serialize, ToSchema)]
pub struct InferReply {
    /// As it was asked.
    model_name: String,
    /// 1: there is no other. Which weights made the mask: `parameters.model_sha256`.
    model_version: &'static str,
    /// The request's.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// What is said of the result.
    parameters: SaidOfResult,
    /// In the order in which they were asked for.
    outputs: Vec<OutputTensor>,
}

/// An output.
#[derive(Serialize, ToSchema)]
pub struct OutputTensor {
    /// Its name.
    name: &'static str,
    /// Its type.
    #[schema(value_type = String, example = "UINT8")]
    datatype: DataType,
    /// Its shape; a side of 0 where the value is not known.
    shape: Vec<usize>,
    /// Of binary data, how long it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinaryPart>,
    /// The values, row-major; absent where they follow as binary data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<f64>>)]
    data: Option<OutputValues>,
}

/// Where binary data is.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct BinaryPart {
    /// Bytes of it that follow the JSON, and those of outputs before it.
    pub binary_data_size: usize,
}

/// What is said of a result: no mask passes for more than it is. What is not known is left out.
#[derive(Serialize, ToSchema)]
pub struct SaidOfResult {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// Whether anything was found.
    result: Found,
    /// Whether anything is there at all, by the network's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<PresenceState>,
    /// Whether the picture looks like its modality.
    modality_check: CheckState,
    /// Codes of what to know before trusting the result, with commas between.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<String>,
    /// The same, and a mismatch, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubts: Option<String>,
    /// The model that made the mask.
    model: String,
    /// Names its exact weights.
    model_sha256: String,
    /// The modality.
    modality: String,
    /// What the mask marks.
    label: String,
    /// Pieces of the mask.
    regions: usize,
    /// Mask area / picture area.
    area_fraction: f64,
    /// The page that was read, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// Pages or frames in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    /// Milliseconds from the queue to the mask.
    total_ms: f64,
}

impl SaidOfResult {
    fn of(segmentation: &Segmentation) -> Self {
        let report = told(segmentation);
        let doubts = report.doubts();
        let codes: Vec<_> = report.warnings.iter().map(|of| of.code).collect();
        Self {
            notice: report.notice,
            result: report.result,
            presence: report.presence.map(|of| of.state),
            modality_check: report.modality_check.state,
            warnings: (!codes.is_empty()).then(|| codes.join(", ")),
            doubts,
            model: report.model.name,
            model_sha256: report.model.sha256,
            modality: report.modality.name,
            label: report.modality.label,
            regions: report.regions.count,
            area_fraction: report.area.fraction,
            page: report.image.page,
            pages: report.image.pages,
            total_ms: segmentation.times.total,
        }
    }
}

/// Writes the reply; takes milliseconds, and longer as JSON.
///
/// # Errors
/// An output that is too large for JSON.
pub fn write(
    segmentation: &Segmentation,
    to: InferReplyTo,
) -> Result<(HeaderMap, Vec<u8>), Problem> {
    let mut behind = Vec::new();
    let mut any = false;
    let mut outputs = Vec::new();
    for (output, binary) in to.outputs {
        let (shape, values) = output.of(segmentation);
        if !binary && values.len() > MOST_IN_JSON {
            return Err(Kind::BadInference.because(format!(
                "The output '{}' has {} values, and JSON is given at most {MOST_IN_JSON}: ask for it with `binary_data`.",
                output.name(),
                values.len()
            )));
        }
        let (parameters, data) = match binary {
            true => {
                let bytes = values.into_bytes();
                let binary_data_size = bytes.len();
                behind.push(bytes);
                (Some(BinaryPart { binary_data_size }), None)
            }
            false => (None, Some(values)),
        };
        any |= binary;
        outputs.push(OutputTensor {
            name: output.name(),
            datatype: output.datatype(),
            shape,
            parameters,
            data,
        });
    }
    let reply = InferReply {
        model_name: to.name,
        model_version: VERSION,
        id: to.id,
        parameters: SaidOfResult::of(segmentation),
        outputs,
    };
    let mut bytes = serde_json::to_vec(&reply).map_err(|error| internal(&error.to_string()))?;
    drop(reply);
    let mut headers = HeaderMap::new();
    let kind = match any {
        true => {
            headers.insert(JSON_LENGTH, bytes.len().into());
            "application/octet-stream"
        }
        false => "application/json",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    bytes.reserve_exact(behind.iter().map(Vec::len).sum());
    for part in behind {
        bytes.extend(part);
    }
    Ok((headers, bytes))
}
