//! The messages of `package inference`, with the numbers of KServe's `grpc_predict_v2.proto`
//! (<https://github.com/kserve/open-inference-protocol>) and, of the repository, of Triton's `grpc_service.proto`. What is not
//! served has no field here, and is passed over as Protocol Buffers have it.
//!
//! Answers are read from the JSON of the REST API, which has the same names.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::kserve::BinaryPart;

/// ModelReadyRequest and ModelMetadataRequest: a model, in a version or in the one there is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelNamed {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
}

/// A parameter's value.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(from = "Value")]
pub struct ParameterMessage {
    #[prost(oneof = "ParameterChoice", tags = "1, 2, 3, 4, 5")]
    pub choice: Option<ParameterChoice>,
}

/// Of one of these kinds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ParameterChoice {
    #[prost(bool, tag = "1")]
    Flag(bool),
    #[prost(int64, tag = "2")]
    Whole(i64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(double, tag = "4")]
    Real(f64),
    #[prost(uint64, tag = "5")]
    Unsigned(u64),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferRequest {
    #[prost(string, tag = "1")]
    pub model_name: String,
    #[prost(string, tag = "2")]
    pub model_version: String,
    #[prost(string, tag = "3")]
    pub id: String,
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, ParameterMessage>,
    #[prost(message, repeated, tag = "5")]
    pub inputs: Vec<InputMessage>,
    #[prost(message, repeated, tag = "6")]
    pub outputs: Vec<WantedMessage>,
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub raw_input_contents: Vec<Bytes>,
}

/// ModelInferRequest.InferInputTensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InputMessage {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, ParameterMessage>,
    #[prost(message, optional, tag = "5")]
    pub contents: Option<ContentsMessage>,
}

/// InferTensorContents, of the types that a picture comes in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContentsMessage {
    /// `repeated uint32`, as it came: packed. Numbers of four bytes each would be four times the message.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub uint_contents: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub bytes_contents: Vec<Bytes>,
}

/// ModelInferRequest.InferRequestedOutputTensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WantedMessage {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(btree_map = "string, message", tag = "2")]
    pub parameters: BTreeMap<String, ParameterMessage>,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct ModelInferResponse {
    #[prost(string, tag = "1")]
    pub model_name: String,
    #[prost(string, tag = "2")]
    pub model_version: String,
    #[prost(string, tag = "3")]
    #[serde(default)]
    pub id: String,
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, ParameterMessage>,
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<OutputMessage>,
    /// Of each output, in their order.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    #[serde(skip)]
    pub raw_output_contents: Vec<Bytes>,
}

/// ModelInferResponse.InferOutputTensor.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct OutputMessage {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
}

/// How long each output's binary data is, in the JSON that goes with [`ModelInferResponse`].
#[derive(Deserialize)]
pub struct BinaryParts {
    pub outputs: Vec<BinaryOf>,
}

#[derive(Deserialize)]
pub struct BinaryOf {
    pub parameters: BinaryPart,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct ServerLiveResponse {
    #[prost(bool, tag = "1")]
    pub live: bool,
}

/// ServerReadyResponse and ModelReadyResponse.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct ReadyResponse {
    #[prost(bool, tag = "1")]
    pub ready: bool,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct ServerMetadataResponse {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(string, repeated, tag = "3")]
    pub extensions: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct ModelMetadataResponse {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, repeated, tag = "2")]
    pub versions: Vec<String>,
    #[prost(string, tag = "3")]
    pub platform: String,
    #[prost(message, repeated, tag = "4")]
    pub inputs: Vec<OutputMessage>,
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<OutputMessage>,
    /// REST's parameters, as texts.
    #[prost(btree_map = "string, string", tag = "6")]
    #[serde(rename = "parameters", deserialize_with = "texts")]
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryIndexRequest {
    #[prost(bool, tag = "2")]
    pub ready: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryIndexResponse {
    #[prost(message, repeated, tag = "1")]
    pub models: Vec<IndexedModel>,
}

/// RepositoryIndexResponse.ModelIndex.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
pub struct IndexedModel {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(string, tag = "3")]
    pub state: String,
    #[prost(string, tag = "4")]
    pub reason: String,
}

/// RepositoryModelLoadRequest and RepositoryModelUnloadRequest.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryModelRequest {
    #[prost(string, tag = "2")]
    pub model_name: String,
    #[prost(btree_map = "string, message", tag = "3")]
    pub parameters: BTreeMap<String, UnreadParameter>,
}

/// ModelRepositoryParameter, of which none is taken: that it is there is all that is looked at.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UnreadParameter {}

/// RepositoryModelLoadResponse: nothing.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryModelResponse {}

impl From<ParameterMessage> for Value {
    fn from(parameter: ParameterMessage) -> Self {
        match parameter.choice {
            Some(ParameterChoice::Flag(flag)) => flag.into(),
            Some(ParameterChoice::Whole(number)) => number.into(),
            Some(ParameterChoice::Text(text)) => text.into(),
            Some(ParameterChoice::Real(number)) => number.into(),
            Some(ParameterChoice::Unsigned(number)) => number.into(),
            None => Self::Null,
        }
    }
}

impl From<Value> for ParameterMessage {
    fn from(value: Value) -> Self {
        let choice = match value {
            Value::Bool(flag) => ParameterChoice::Flag(flag),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => ParameterChoice::Whole(whole),
                (None, Some(real)) => ParameterChoice::Real(real),
                (None, None) => ParameterChoice::Text(number.to_string()),
            },
            Value::String(text) => ParameterChoice::Text(text),
            other => ParameterChoice::Text(other.to_string()),
        };
        Self {
            choice: Some(choice),
        }
    }
}

/// Values of any kind as texts.
fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, Value>::deserialize(from)?;
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let values = values.into_iter();
    Ok(values.map(|(name, value)| (name, text(value))).collect())
}
