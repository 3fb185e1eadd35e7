//! What a request asks: its JSON and the bytes behind it, held against each other. Whatever says one length and has another
//! is refused.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bounds::{BINARY_DATA, BINARY_OUTPUT, BINARY_SIZE, FILE, IMAGE, LONGEST_ID, WISHES};
use super::name::InferModel;
use super::outputs::InferOutput;
use super::pixels::RawPixels;
use super::request::{
    InferInput, InferParameter, InferParameters, InferRequest, InferWanted, read,
};
use super::values::DataType;
use crate::problem::{Kind, Problem, shortened};
use crate::wish::{Wish, Wishes};
use dicom::{AskedRegion, TakenFile};
use picture::frame::{FrameLimits, PixelRect};
use picture::scale::Scale;
use picture::segmenter::{Ask, Picture};

/// The header that says where the JSON ends and binary data begins.
pub const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// A request understood.
#[derive(Debug)]
pub struct InferAsk {
    /// Comes back with the reply.
    pub id: Option<String>,
    /// The picture.
    pub picture: Picture,
    /// How large its pixels are.
    pub scale: Scale,
    /// The part to look at.
    pub region: Option<PixelRect>,
    /// What the engine is asked.
    pub ask: Ask,
    /// What is wanted, and whether as binary data.
    pub outputs: Vec<(InferOutput, bool)>,
}

/// Length of the JSON, where binary data may follow it.
///
/// # Errors
/// [`Kind::BadInference`]: not one whole number.
pub fn json_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let mut lines = headers.get_all(JSON_LENGTH).iter();
    let (first, second) = (lines.next(), lines.next());
    let Some(line) = first else {
        return Ok(None);
    };
    let text = line.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let length = text.parse().ok().filter(|_| digits && second.is_none());
    let length =
        length.ok_or_else(|| wrong(format!("`{JSON_LENGTH}` is not one length in bytes.")));
    length.map(Some)
}

impl InferAsk {
    /// Reads a body of which the JSON is `json` bytes long (`None`: all of it). Takes long where it is long.
    ///
    /// # Errors
    /// [`Kind::BadInference`] and what the picture's header alone tells.
    pub fn of(
        mut body: Vec<u8>,
        json: Option<usize>,
        model: InferModel,
        limits: FrameLimits,
    ) -> Result<Self, Problem> {
        let length = json.unwrap_or(body.len());
        let text = body.get(..length).ok_or_else(|| {
            let have = body.len();
            wrong(format!(
                "`{JSON_LENGTH}` is {length}; the body has {have} bytes."
            ))
        })?;
        let request: InferRequest = read(text)?;
        // In place: what follows the JSON is as long as the whole.
        body.drain(..length);
        let id = request.id.filter(|id| !id.is_empty());
        if id
            .as_ref()
            .is_some_and(|id| id.chars().count() > LONGEST_ID)
        {
            return Err(wrong(format!("`id` has more than {LONGEST_ID} letters.")));
        }
        let (wish, binary) = wishes(request.parameters.unwrap_or_default(), model)?;
        let wanted = request.outputs.map(|outputs| outputs.0).unwrap_or_default();
        let outputs = outputs(wanted, binary)?;
        let mut inputs = request.inputs.0.into_iter();
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            return Err(wrong(format!(
                "There is to be one input, `{IMAGE}` or `{FILE}`."
            )));
        };
        let ask = wish.ask(None)?;
        let (picture, scale, region) = match input.name.as_str() {
            IMAGE => {
                let region = region_of_pixels(&wish)?;
                let pixels = pixels(input, body, limits)?;
                (Picture::Undecoded(Arc::new(pixels)), Scale::Unknown, region)
            }
            FILE => {
                let taken = TakenFile::of(file(input, body)?, &wish.intake, limits, 1)?;
                let (scale, region) = (taken.scale, taken.region);
                let picture = taken.pictures.into_iter().next();
                let picture = picture.ok_or_else(|| wrong("The file has no picture."))?;
                (picture.picture, scale, region)
            }
            other => {
                let other = shortened(other);
                return Err(wrong(format!(
                    "There is no input '{other}': send `{IMAGE}` or `{FILE}`."
                )));
            }
        };
        Ok(Self {
            id,
            picture,
            scale,
            region,
            ask,
            outputs,
        })
    }
}

fn wrong(detail: impl Into<String>) -> Problem {
    Kind::BadInference.because(detail)
}

/// What is asked of the picture, and whether outputs are binary unless they say otherwise.
fn wishes(parameters: InferParameters, model: InferModel) -> Result<(Wish, bool), Problem> {
    let (mut wishes, mut binary) = (Wishes::default(), false);
    wishes.set("modality", &model.modality.name, Kind::BadInference)?;
    wishes.set(
        "model",
        &model.model.unwrap_or_default(),
        Kind::BadInference,
    )?;
    for (name, value) in parameters.0 {
        match (name.as_str(), value) {
            (BINARY_OUTPUT, value) => binary = flag(BINARY_OUTPUT, &value)?,
            (name, value) if WISHES.contains(&name) => {
                wishes.set(name, &value.to_string(), Kind::BadInference)?;
            }
            (name, _) => {
                let (name, known) = (shortened(name), WISHES.join(", "));
                return Err(wrong(format!(
                    "The parameter `{name}` is not served; those that are: {BINARY_OUTPUT}, {known}."
                )));
            }
        }
    }
    Ok((Wish::of(wishes, &HeaderMap::new())?, binary))
}

/// Which outputs are wanted; all if none is named.
fn outputs(wanted: Vec<InferWanted>, binary: bool) -> Result<Vec<(InferOutput, bool)>, Problem> {
    if wanted.is_empty() {
        return Ok(InferOutput::ALL.map(|output| (output, binary)).into());
    }
    let mut outputs: Vec<(InferOutput, bool)> = Vec::new();
    for InferWanted { name, parameters } in wanted {
        let unknown = || {
            let (name, names) = (shortened(&name), InferOutput::names());
            wrong(format!(
                "There is no output '{name}'; those there are: {names}."
            ))
        };
        let output = InferOutput::from_name(&name).ok_or_else(unknown)?;
        if outputs.iter().any(|(known, _)| *known == output) {
            return Err(wrong(format!(
                "The output '{}' is asked for twice.",
                output.name()
            )));
        }
        let asked = parameter(parameters, BINARY_DATA)?;
        let asked = asked.map(|value| flag(BINARY_DATA, &value)).transpose()?;
        outputs.push((output, asked.unwrap_or(binary)));
    }
    Ok(outputs)
}

/// The part of raw pixels to look at; whatever is of files alone is refused.
fn region_of_pixels(wish: &Wish) -> Result<Option<PixelRect>, Problem> {
    let of_files = [
        ("page", wish.intake.page.is_some()),
        ("frames", wish.intake.frames.is_some()),
        ("window", wish.intake.window.is_some()),
    ];
    if let Some((name, _)) = of_files.into_iter().find(|(_, asked)| *asked) {
        return Err(wrong(format!("`{name}` is of a file; `{IMAGE}` has none.")));
    }
    match wish.intake.region {
        None => Ok(None),
        Some(AskedRegion::Rect(rect)) => Ok(Some(rect)),
        Some(AskedRegion::Number(_)) => Err(wrong("A region by its number is of a DICOM file.")),
    }
}

/// The pixels of [`IMAGE`].
fn pixels(input: InferInput, body: Vec<u8>, limits: FrameLimits) -> Result<RawPixels, Problem> {
    check_type(&input, DataType::Uint8)?;
    let (height, width, colours) = match input.shape.0.as_slice() {
        [height, width] => (*height, *width, 1),
        [height, width, 3] => (*height, *width, 3),
        _ => {
            return Err(wrong(format!(
                "The shape of `{IMAGE}` is to be [height, width] or [height, width, 3]: one picture, without a batch."
            )));
        }
    };
    let side = |side| u32::try_from(side).map_err(|_| wrong("A side is no length in pixels."));
    let size = [side(width)?, side(height)?];
    // By what it says of itself, before its values are looked at.
    limits.check((size[0], size[1]))?;
    let samples = match binary(input.parameters, &body)? {
        true if input.data.is_none() => body,
        true => return Err(both()),
        false => {
            let data = input.data.ok_or_else(neither)?;
            match data.text {
                Some(_) => return Err(wrong("There is a text among numbers of UINT8.")),
                None => data.numbers,
            }
        }
    };
    let expected = u64::from(size[0]) * u64::from(size[1]) * colours;
    let found = samples.len() as u64;
    if found != expected {
        return Err(wrong(format!(
            "`{IMAGE}` has {found} values; its shape asks for {expected}."
        )));
    }
    Ok(RawPixels::new(size, samples, limits)?)
}

/// The bytes of [`FILE`].
fn file(input: InferInput, mut body: Vec<u8>) -> Result<Vec<u8>, Problem> {
    check_type(&input, DataType::Bytes)?;
    if input.shape.0 != [1] {
        return Err(wrong(format!(
            "The shape of `{FILE}` is to be [1]: one file."
        )));
    }
    if binary(input.parameters, &body)? {
        if input.data.is_some() {
            return Err(both());
        }
        let length = body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let rest = body.len().saturating_sub(size_of::<u32>());
        if length.and_then(|length| usize::try_from(length).ok()) != Some(rest) {
            return Err(wrong(format!(
                "`{FILE}` is to be one element: four bytes of its length, little-endian, and so many more."
            )));
        }
        body.drain(..size_of::<u32>());
        return Ok(body);
    }
    drop(body);
    let data = input.data.ok_or_else(neither)?;
    let text = data.text.filter(|_| data.numbers.is_empty());
    let text = text.ok_or_else(|| wrong(format!("`{FILE}` is to be one text in JSON, base64.")))?;
    let file = STANDARD.decode(text);
    file.map_err(|_| {
        wrong(format!(
            "`{FILE}` is no base64; binary data takes a file as it is."
        ))
    })
}

fn check_type(input: &InferInput, expected: DataType) -> Result<(), Problem> {
    if input.datatype == expected.name() {
        return Ok(());
    }
    let (name, found) = (&input.name, shortened(&input.datatype));
    let expected = expected.name();
    Err(wrong(format!(
        "The datatype of `{name}` is '{found}', not {expected}."
    )))
}

/// Whether the values follow the JSON: then all that does is theirs.
fn binary(parameters: Option<InferParameters>, body: &[u8]) -> Result<bool, Problem> {
    let have = body.len();
    match parameter(parameters, BINARY_SIZE)? {
        Some(InferParameter::Whole(size)) if size == have as u64 => Ok(true),
        Some(InferParameter::Whole(size)) => Err(wrong(format!(
            "`{BINARY_SIZE}` is {size}; {have} bytes follow the JSON."
        ))),
        Some(_) => Err(wrong(format!("`{BINARY_SIZE}` is no length in bytes."))),
        None if have > 0 => Err(wrong(format!(
            "{have} bytes follow the JSON, and no input has a `{BINARY_SIZE}`."
        ))),
        None => Ok(false),
    }
}

/// The one parameter that an input or an output may have.
fn parameter(
    parameters: Option<InferParameters>,
    known: &str,
) -> Result<Option<InferParameter>, Problem> {
    let mut found = None;
    for (name, value) in parameters.unwrap_or_default().0 {
        if name != known {
            let name = shortened(&name);
            return Err(wrong(format!(
                "The parameter `{name}` is not served here; `{known}` is."
            )));
        }
        found = Some(value);
    }
    Ok(found)
}

fn flag(name: &str, value: &InferParameter) -> Result<bool, Problem> {
    match value {
        InferParameter::Flag(flag) => Ok(*flag),
        _ => Err(wrong(format!("`{name}` is to be true or false."))),
    }
}

fn both() -> Problem {
    wrong(format!("An input has `data` and a `{BINARY_SIZE}`."))
}

fn neither() -> Problem {
    wrong(format!(
        "An input has neither `data` nor a `{BINARY_SIZE}`."
    ))
}
