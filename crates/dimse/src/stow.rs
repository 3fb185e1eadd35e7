//! STOW-RS (PS3.18, 10.5): an object to a DICOMweb server, over HTTP.

use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Cursor, Read, Seek};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body, SendBody};

use crate::command::status;
use crate::error::{SendError, Sent};
use crate::part10::{FileMeta, MetaError};
use crate::tls::TlsKit;

/// Longest that is waited for who is only asked whether he is there.
const ECHO: Duration = Duration::from_secs(10);
/// Most bytes of a reply that are read.
const MOST_REPLY: u64 = 256 * 1024;
/// Failed SOP Sequence, Referenced SOP Sequence, Failure Reason, Warning Reason (PS3.18, I.2).
const FAILED: &str = "00081198";
const REFERENCED: &str = "00081199";
const FAILURE: &str = "00081197";
const WARNING: &str = "00081196";

/// A DICOMweb server that objects are sent to.
#[derive(Clone)]
pub struct StowServer {
    agent: Agent,
    studies: String,
    authorization: Option<String>,
}

/// Without what lets it in.
impl fmt::Debug for StowServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StowServer")
            .field("studies", &self.studies)
            .finish_non_exhaustive()
    }
}

impl StowServer {
    /// A server by its service root ("http://host:8042/dicom-web"), with what is said in the header `Authorization`, if anything.
    /// All of a request and its answer takes no longer than `patience`.
    ///
    /// # Errors
    /// [`SendError::Web`] for what is no address of HTTP, and for one by TLS (`https://`) without what it is spoken with.
    pub fn new(
        root: &str,
        authorization: Option<String>,
        patience: Duration,
        tls: Option<&TlsKit>,
    ) -> Result<Self, SendError> {
        let plain = root.strip_prefix("http://");
        let host = plain.or_else(|| root.strip_prefix("https://").filter(|_| tls.is_some()));
        if host.is_none_or(|host| host.trim_matches('/').is_empty()) {
            return Err(SendError::Web(
                "its address has to begin with http://, or with https:// where there is TLS".into(),
            ));
        }
        let config = Agent::config_builder();
        let config = match tls {
            Some(kit) => config.tls_config(kit.web()),
            None => config,
        };
        let config = config
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            // An object goes where it is sent, and nowhere else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Ok(Self {
            agent: config.into(),
            studies: format!("{}/studies", root.trim_end_matches('/')),
            authorization,
        })
    }

    /// Whether the server is there and lets this one in: what may be done with its studies is asked, and none of them.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn echo(&self) -> Result<(), SendError> {
        let mut request = self.agent.options(&self.studies);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let asked = request.config().timeout_global(Some(ECHO)).build();
        let status = asked.call().map_err(web)?.status().as_u16();
        match status {
            // Whoever does not answer this kind of question is there all the same.
            401 | 403 | 404 | 500.. => Err(SendError::Http(status)),
            _ => Ok(()),
        }
    }

    /// Stores a Part 10 file; it is read while it is sent.
    ///
    /// # Errors
    /// [`SendError`]; without one, the server has said that it has the object.
    pub fn store(&self, file: &Path) -> Result<Sent, SendError> {
        let mut file = File::open(file).map_err(MetaError::Io)?;
        FileMeta::read(&mut file)?;
        file.rewind().map_err(MetaError::Io)?;
        let length = file.metadata().map_err(MetaError::Io)?.len();
        let boundary = boundary();
        let head = format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n");
        let tail = format!("\r\n--{boundary}--\r\n");
        let bytes = head.len() as u64 + length + tail.len() as u64;
        let mut body = (Cursor::new(head).chain(file.take(length))).chain(Cursor::new(tail));
        let mut request = (self.agent.post(&self.studies))
            .header("Accept", "application/dicom+json")
            .header("Content-Length", bytes.to_string())
            .header(
                "Content-Type",
                format!("multipart/related; type=\"application/dicom\"; boundary={boundary}"),
            );
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut reply = request
            .send(SendBody::from_reader(&mut body))
            .map_err(web)?;
        told(reply.status().as_u16(), &read(&mut reply)?)
    }
}

fn web(error: ureq::Error) -> SendError {
    match error {
        ureq::Error::Timeout(_) => SendError::TooSlow,
        error => SendError::Web(error.to_string()),
    }
}

/// The reply as JSON, if it is.
fn read(reply: &mut Response<Body>) -> Result<Value, SendError> {
    let mut bytes = Vec::new();
    let reader = reply.body_mut().as_reader();
    let read = reader.take(MOST_REPLY).read_to_end(&mut bytes);
    read.map_err(|error| SendError::Web(error.to_string()))?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Random, so that no file has it in it by chance, nor by intent.
fn boundary() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("espmedsam-{:016x}{:016x}", random(), random())
}

/// What a reply says of the one object (PS3.18, 10.5.3; PS3.18, I.2).
fn told(http: u16, reply: &Value) -> Result<Sent, SendError> {
    // Some put it into a list.
    let reply = reply
        .as_array()
        .and_then(|list| list.first())
        .unwrap_or(reply);
    let item = |sequence: &str| reply.get(sequence)?.get("Value")?.get(0);
    let reason = |item: &Value, tag: &str| {
        let reason = item.get(tag)?.get("Value")?.get(0)?.as_u64()?;
        u16::try_from(reason).ok()
    };
    if !matches!(http, 200 | 202 | 409) {
        return Err(SendError::Http(http));
    }
    if let Some(failed) = item(FAILED) {
        return match reason(failed, FAILURE) {
            Some(status::DUPLICATE) => Ok(Sent::WithWarning(status::DUPLICATE)),
            Some(status) => Err(SendError::Refused { status }),
            None => Err(SendError::Refused { status: 0x0110 }),
        };
    }
    match (http, item(REFERENCED)) {
        (200 | 202, Some(stored)) => {
            Ok(reason(stored, WARNING).map_or(Sent::Stored, Sent::WithWarning))
        }
        (200, None) => Ok(Sent::Stored),
        (202, None) => Err(SendError::Web("it does not say what it stored".into())),
        _ => Err(SendError::Http(http)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sequence(tag: &str, inner: &str, reason: u16) -> Value {
        json!({tag: {"vr": "SQ", "Value": [{inner: {"vr": "US", "Value": [reason]}}]}})
    }

    #[test]
    fn replies_are_heard_as_they_are_meant() {
        let warned = sequence(REFERENCED, WARNING, 0xb000);
        let failed = |reason| sequence(FAILED, FAILURE, reason);
        let refused = |http, reply: Value| {
            told(http, &reply).map_err(|error| (error.is_lasting(), error.to_string()))
        };
        assert_eq!(refused(200, Value::Null), Ok(Sent::Stored));
        assert_eq!(
            refused(200, json!([sequence(REFERENCED, "other", 1)])),
            Ok(Sent::Stored)
        );
        assert_eq!(refused(202, warned), Ok(Sent::WithWarning(0xb000)));
        assert_eq!(refused(409, failed(0x0111)), Ok(Sent::WithWarning(0x0111)));
        let lasting = |http, reply| refused(http, reply).unwrap_err().0;
        assert!(lasting(409, failed(0xc000)));
        assert!(lasting(202, failed(0xa900)));
        assert!(lasting(200, json!({FAILED: {"vr": "SQ", "Value": [{}]}})));
        assert!(!lasting(409, failed(0xa700)));
        assert!(!lasting(202, Value::Null));
        assert!(lasting(409, Value::Null));
        assert!(lasting(415, Value::Null));
        for passing in [301, 401, 403, 404, 429, 500, 503] {
            assert!(!lasting(passing, Value::Null), "{passing}");
        }
    }

    #[test]
    fn without_tls_there_is_none_and_that_is_said() {
        for wrong in ["https://host/dicom-web", "host:80", "http://", ""] {
            let made = StowServer::new(wrong, None, Duration::from_secs(1), None);
            assert!(matches!(made, Err(SendError::Web(_))), "{wrong}");
        }
        let secret = Some("Bearer secret".into());
        let made = StowServer::new("http://h:1/d/", secret, Duration::from_secs(1), None).unwrap();
        assert_eq!(made.studies, "http://h:1/d/studies");
        assert!(!format!("{made:?}").contains("secret"));
    }
}
