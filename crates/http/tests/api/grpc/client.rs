//! A small client of gRPC's over HTTP/2 that can misbehave, and messages by hand: nothing of the server's own is used.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request};
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

pub const SERVICE: &str = "inference.GRPCInferenceService";

/// What a call was answered.
#[derive(Debug)]
pub struct Answered {
    pub code: u16,
    pub text: String,
    pub headers: HeaderMap,
    pub message: Vec<u8>,
}

impl Answered {
    /// The content of every field of that number, in order; of a number in the message, its bytes as they are.
    pub fn all(&self, number: u8) -> Vec<Vec<u8>> {
        fields(&self.message, number)
    }

    /// The code, and whether the text names this.
    #[track_caller]
    pub fn assert_fault(&self, code: u16, word: &str) {
        assert!(self.code == code && self.text.contains(word), "{self:?}");
        assert!(self.message.is_empty(), "{self:?}");
    }
}

/// A connection, and what drives it.
pub struct Client {
    pub runtime: Runtime,
    pub calls: SendRequest<Bytes>,
    authority: String,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let calls = runtime.block_on(async {
            let stream = TcpStream::connect(addr).await.unwrap();
            let (calls, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            calls
        });
        Self {
            runtime,
            calls,
            authority: addr.to_string(),
        }
    }

    /// Calls itself by another name.
    pub fn called(self, authority: &str) -> Self {
        Self {
            authority: authority.into(),
            ..self
        }
    }

    pub fn request(&self, name: &str) -> Request<()> {
        Request::post(format!("http://{}/{SERVICE}/{name}", self.authority))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap()
    }

    pub fn call(&self, name: &str, message: &[u8]) -> Answered {
        self.send(name, &framed(message))
    }

    /// A call with a body of any bytes.
    pub fn send(&self, name: &str, body: &[u8]) -> Answered {
        let request = self.request(name);
        let calls = self.calls.clone();
        let body = Bytes::copy_from_slice(body);
        self.runtime.block_on(answered(calls, request, body))
    }
}

/// Sends a call and reads its answer to the end.
pub async fn answered(calls: SendRequest<Bytes>, request: Request<()>, body: Bytes) -> Answered {
    let mut calls = calls.ready().await.unwrap();
    let (response, mut sending) = calls.send_request(request, false).unwrap();
    // A refusal may come while this is still sent: then nobody takes the rest.
    let _ = sending.send_data(body, true);
    let response = response.await.unwrap();
    let (parts, mut body) = response.into_parts();
    assert_eq!(parts.headers["content-type"], "application/grpc");
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    let trailers = body.trailers().await.unwrap();
    let said = trailers.as_ref().unwrap_or(&parts.headers);
    let code = said["grpc-status"].to_str().unwrap().parse().unwrap();
    let text = said.get("grpc-message");
    let text = text.map_or("", |text| text.to_str().unwrap()).to_owned();
    let message = match bytes.split_at_checked(5) {
        None => Vec::new(),
        Some((prefix, message)) => {
            let length = (message.len() as u32).to_be_bytes();
            assert_eq!(prefix, [&[0], &length[..]].concat());
            message.to_vec()
        }
    };
    Answered {
        code,
        text,
        headers: parts.headers,
        message,
    }
}

/// A message with its prefix.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// A number as Protocol Buffers write it.
pub fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field with a length: a text, bytes, a message.
pub fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let length = varint(content.len());
    [&[number << 3 | 2], length.as_slice(), content].concat()
}

fn fields(mut rest: &[u8], wanted: u8) -> Vec<Vec<u8>> {
    let number = |rest: &mut &[u8]| {
        let length = 1 + rest.iter().position(|byte| *byte < 0x80).unwrap();
        let (own, after) = rest.split_at(length);
        *rest = after;
        let bits = own.iter().rev();
        let value = bits.fold(0_usize, |value, byte| value << 7 | usize::from(byte & 0x7f));
        (value, own.to_vec())
    };
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (key, _) = number(&mut rest);
        let content = match key & 7 {
            0 => number(&mut rest).1,
            2 => {
                let (length, _) = number(&mut rest);
                let (content, after) = rest.split_at(length);
                rest = after;
                content.to_vec()
            }
            kind => panic!("a field of kind {kind}"),
        };
        if key >> 3 == usize::from(wanted) {
            found.push(content);
        }
    }
    found
}
