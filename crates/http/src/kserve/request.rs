//! A request's JSON, with a bound on whatever it may have many of. What the protocol does not know is passed over.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::ArrayBuilder;

use super::bounds;
use super::outputs::InferOutput;
use super::values::InputValues;
use crate::problem::{Kind, Problem};

/// Most parameters of a request, an input or an output.
const MOST_PARAMETERS: usize = 16;
/// Most letters of what is said of a fault.
const MOST_SAID: usize = 160;

/// An inference request.
#[derive(Debug, Deserialize, ToSchema)]
pub struct InferRequest {
    /// Comes back with the reply.
    #[serde(default)]
    #[schema(value_type = Option<bounds::InferId>)]
    pub id: Option<String>,
    /// `binary_data_output`, whether outputs come as binary data unless they say otherwise; and of /v1/segment's wishes
    /// `on_mismatch`, `page`, `frames`, `window` and `region`.
    #[serde(default)]
    #[schema(value_type = Option<bounds::RequestParameters>)]
    pub parameters: Option<InferParameters>,
    /// One: `image` or `file`.
    #[schema(value_type = Vec<InferInput>, min_items = 1, max_items = 1)]
    pub inputs: AtMost<InferInput>,
    /// What is wanted; all there is if left out.
    #[serde(default)]
    #[schema(value_type = Option<WantedOutputs>)]
    pub outputs: Option<AtMost<InferWanted>>,
}

picture::schemas! {
    /// Outputs, each once.
    WantedOutputs: ArrayBuilder::new()
        .items(Ref::from_schema_name(InferWanted::name()))
        .max_items(Some(InferOutput::ALL.len())),
}

/// A picture, as a tensor.
#[derive(Debug, Deserialize, ToSchema)]
pub struct InferInput {
    /// `image` or `file`.
    #[schema(value_type = bounds::InputName)]
    pub name: String,
    /// Rows, columns and, of RGB, 3; of a file 1.
    #[schema(value_type = bounds::InferShape)]
    pub shape: AtMost<i64>,
    /// UINT8 or BYTES.
    #[schema(value_type = bounds::InputType)]
    pub datatype: String,
    /// `binary_data_size`, if the values follow the JSON as they are.
    #[serde(default)]
    #[schema(value_type = Option<bounds::InputParameters>)]
    pub parameters: Option<InferParameters>,
    /// The values otherwise, row-major, flat or nested: numbers 0 to 255; a file as one text, base64.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Value>>)]
    pub data: Option<InputValues>,
}

/// An output that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub struct InferWanted {
    /// One of those that the model's metadata lists.
    #[schema(value_type = bounds::OutputName)]
    pub name: String,
    /// `binary_data`, whether its values follow the JSON as they are.
    #[serde(default)]
    #[schema(value_type = Option<bounds::OutputParameters>)]
    pub parameters: Option<InferParameters>,
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub enum InferParameter {
    /// Yes or no.
    Flag(bool),
    /// A whole number from 0.
    Whole(u64),
    /// A text, or another number as it is written.
    Text(String),
}

impl fmt::Display for InferParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Whole(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Parameters by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferParameters(pub BTreeMap<String, InferParameter>);

/// Some, but not too many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtMost<T>(pub Vec<T>);

/// Reads a request's JSON.
///
/// # Errors
/// [`Kind::BadInference`], with the place.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(json).map_err(|error| {
        let said: String = error.to_string().chars().take(MOST_SAID).collect();
        Kind::BadInference.because(format!("The JSON cannot be read: {said}."))
    })
}

impl<'de> Deserialize<'de> for InferParameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParameterVisitor)
    }
}

struct ParameterVisitor;

impl Visitor<'_> for ParameterVisitor {
    type Value = InferParameter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parameter: a text, a number, true or false")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<InferParameter, E> {
        Ok(InferParameter::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<InferParameter, E> {
        Ok(InferParameter::Whole(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<InferParameter, E> {
        Ok(InferParameter::Text(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<InferParameter, E> {
        Ok(InferParameter::Text(number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<InferParameter, E> {
        Ok(InferParameter::Text(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for InferParameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParametersVisitor)
    }
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = InferParameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MOST_PARAMETERS} parameters by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InferParameters, A::Error> {
        let mut parameters = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, InferParameter>()? {
            if parameters.len() == MOST_PARAMETERS {
                return Err(A::Error::invalid_length(MOST_PARAMETERS + 1, &self));
            }
            if parameters.insert(name, value).is_some() {
                return Err(A::Error::custom("a parameter is given twice"));
            }
        }
        Ok(InferParameters(parameters))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AtMost<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(SeveralVisitor(PhantomData))
    }
}

struct SeveralVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SeveralVisitor<T> {
    type Value = AtMost<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {}", bounds::MOST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<AtMost<T>, A::Error> {
        let mut some = Vec::new();
        while let Some(one) = array.next_element()? {
            if some.len() == bounds::MOST {
                return Err(A::Error::invalid_length(bounds::MOST + 1, &self));
            }
            some.push(one);
        }
        Ok(AtMost(some))
    }
}
