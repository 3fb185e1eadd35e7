//! A message as the REST request that means the same.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};
use serde_json::{Map, Value, json};

use super::bulk::varint;
use super::message::{
    InputMessage, ModelInferRequest, ParameterMessage, RepositoryIndexRequest,
    RepositoryModelRequest, WantedMessage,
};
use super::percent::percent_encoded;
use crate::kserve::{BINARY_SIZE, JSON_LENGTH};
use crate::problem::{Kind, Problem};

/// A REST request, but for its headers.
#[derive(Debug, PartialEq, Eq)]
pub struct RestAsk {
    method: Method,
    path: String,
    /// Of binary data, how long the JSON before it is.
    json: Option<usize>,
    body: Vec<u8>,
}

impl RestAsk {
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            json: None,
            body: Vec::new(),
        }
    }

    fn post(path: impl Into<String>, body: &Value) -> Self {
        Self {
            method: Method::POST,
            body: body.to_string().into_bytes(),
            ..Self::get(path)
        }
    }

    pub fn index(request: &RepositoryIndexRequest) -> Self {
        Self::post("/v2/repository/index", &json!({"ready": request.ready}))
    }

    /// To load a model, or to unload it.
    pub fn change(request: &RepositoryModelRequest, change: &str) -> Self {
        let name = in_path(&request.model_name);
        let given = request.parameters.keys();
        let given: Map<String, Value> = given.map(|name| (name.clone(), true.into())).collect();
        Self::post(
            format!("/v2/repository/models/{name}/{change}"),
            &json!({"parameters": given}),
        )
    }

    /// An inference request in binary data: raw values are copied once, as they are.
    ///
    /// # Errors
    /// [`Kind::BadInference`]: values in two places, or not for each input; parameters that are REST's own.
    pub fn infer(request: ModelInferRequest) -> Result<Self, Problem> {
        let path = in_model(&request.model_name, &request.model_version, "/infer");
        let mut head = json!({
            "id": request.id,
            "parameters": with(request.parameters, "binary_data_output", true)?,
        });
        let values = values(&request.inputs, request.raw_input_contents)?;
        let inputs = request.inputs.into_iter().zip(&values);
        let inputs: Result<Value, Problem> = inputs.map(|(one, own)| input(one, own)).collect();
        head["inputs"] = inputs?;
        let outputs: Result<Vec<Value>, Problem> =
            request.outputs.into_iter().map(output).collect();
        head["outputs"] = outputs?.into();
        let head = head.to_string().into_bytes();
        let json = head.len();
        let mut body = head;
        body.reserve_exact(values.iter().map(Bytes::len).sum());
        for own in values {
            body.extend_from_slice(&own);
        }
        Ok(Self {
            method: Method::POST,
            path,
            json: Some(json),
            body,
        })
    }

    /// With the headers of the call that it comes from: admission looks at them as at those of any request.
    ///
    /// # Errors
    /// [`Kind::NoSuchModel`]: a name that is too long for an address.
    pub fn with_headers(self, call: &Uri, mut headers: HeaderMap) -> Result<Request, Problem> {
        let uri = Uri::try_from(self.path);
        let uri = uri.map_err(|_| Kind::NoSuchModel.because("The name is too long."))?;
        // What HTTP/2 says beside the headers (RFC 9113 §8.3.1); some clients send both.
        if let Some(host) = call.authority()
            && let Ok(host) = host.as_str().parse()
        {
            headers.insert(header::HOST, host);
        }
        // Of the body there was.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(JSON_LENGTH);
        if let Some(json) = self.json {
            headers.insert(JSON_LENGTH, json.into());
        }
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Where a model is, in a version or the one there is.
pub fn in_model(name: &str, version: &str, rest: &str) -> String {
    let (name, version) = (in_path(name), in_path(version));
    match version.is_empty() {
        true => format!("/v2/models/{name}{rest}"),
        false => format!("/v2/models/{name}/versions/{version}{rest}"),
    }
}

/// A name as one part of a path.
fn in_path(name: &str) -> String {
    percent_encoded(name, |byte| {
        byte.is_ascii_alphanumeric() || b"-_~".contains(&byte)
    })
}

/// The bytes of each input's values, as REST's binary data has them.
fn values(inputs: &[InputMessage], raw: Vec<Bytes>) -> Result<Vec<Bytes>, Problem> {
    let typed = inputs.iter().any(|input| input.contents.is_some());
    match (raw.is_empty(), typed) {
        (true, _) => inputs.iter().map(typed_values).collect(),
        (false, true) => Err(wrong(
            "Values are in `contents` and in `raw_input_contents`: send one of them.",
        )),
        (false, false) if raw.len() == inputs.len() => Ok(raw),
        (false, false) => Err(wrong(format!(
            "There are {} inputs, and {} `raw_input_contents`.",
            inputs.len(),
            raw.len()
        ))),
    }
}

/// Values of `contents`. Those of a type that no input has are left out: the type is refused.
fn typed_values(input: &InputMessage) -> Result<Bytes, Problem> {
    let mut values = Vec::new();
    let Some(contents) = &input.contents else {
        return Ok(Bytes::new());
    };
    match input.datatype.as_str() {
        "UINT8" => {
            for mut rest in contents.uint_contents.iter().map(Bytes::as_ref) {
                while !rest.is_empty() {
                    let value = varint(&mut rest).and_then(|value| u8::try_from(value).ok());
                    let value = value.ok_or_else(|| {
                        wrong("A number of `uint_contents` is no UINT8, from 0 to 255.")
                    })?;
                    values.push(value);
                }
            }
        }
        "BYTES" => {
            for element in &contents.bytes_contents {
                let length = u32::try_from(element.len());
                let length = length.map_err(|_| wrong("An element is too long."))?;
                values.extend(length.to_le_bytes());
                values.extend_from_slice(element);
            }
        }
        _ => {}
    }
    Ok(values.into())
}

fn input(input: InputMessage, values: &Bytes) -> Result<Value, Problem> {
    Ok(json!({
        "name": input.name,
        "datatype": input.datatype,
        "shape": input.shape,
        "parameters": with(input.parameters, BINARY_SIZE, values.len())?,
    }))
}

fn output(output: WantedMessage) -> Result<Value, Problem> {
    Ok(json!({
        "name": output.name,
        "parameters": with(output.parameters, "binary_data", true)?,
    }))
}

/// Parameters in JSON, with one that is of REST's envelope and not the client's to set.
fn with(
    parameters: BTreeMap<String, ParameterMessage>,
    name: &str,
    value: impl Into<Value>,
) -> Result<Value, Problem> {
    let given = parameters.into_iter();
    let mut all: Map<String, Value> = given.map(|(name, given)| (name, given.into())).collect();
    match all.insert(name.into(), value.into()) {
        None => Ok(all.into()),
        Some(_) => Err(wrong(format!(
            "The parameter `{name}` is of HTTP/REST alone."
        ))),
    }
}

fn wrong(detail: impl Into<String>) -> Problem {
    Kind::BadInference.because(detail)
}
