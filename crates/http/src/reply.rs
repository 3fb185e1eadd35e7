//! A rendered report → the reply: its bytes as they are, what goes along with them as headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use picture::NOTICE;
use picture::report::{Form, Rendered, Report, Times};
use utoipa::ToSchema;

use super::problem::{Problem, internal};

/// The result of a picture, or of several frames of a DICOM file.
#[derive(ToSchema)]
#[expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "describes the reply in the OpenAPI document"
)]
#[serde(untagged)]
pub enum SegmentReplies {
    /// Of one picture.
    One(Report),
    /// Of several frames.
    Several(SeveralFrames),
}

/// The results of several frames, in the order in which they were asked for; `image.dicom.frame` of each says which it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the reply in the OpenAPI document")]
pub struct SeveralFrames {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// A result for each.
    frames: Vec<Report>,
}

/// The reply of one picture.
///
/// # Errors
/// A fault of this program: there is none.
pub fn one(form: Form, rendered: Vec<Rendered>) -> Result<(HeaderMap, Vec<u8>), Problem> {
    let rendered = rendered.into_iter().next();
    let rendered = rendered.ok_or_else(|| internal("a request had no picture"))?;
    Ok((headers(form, &rendered), rendered.bytes))
}

/// The reply of several frames, whose reports are JSON ([`SeveralFrames`]).
pub fn several(rendered: Vec<Rendered>) -> (HeaderMap, Vec<u8>) {
    let mut bytes = format!(r#"{{"notice":"{NOTICE}","frames":["#).into_bytes();
    for (number, frame) in rendered.into_iter().enumerate() {
        if number > 0 {
            bytes.push(b',');
        }
        bytes.extend(frame.bytes);
    }
    bytes.extend(b"]}");
    let mut headers = HeaderMap::new();
    put(&mut headers, "x-espmedsam-notice", NOTICE);
    put_always(&mut headers, Form::Json);
    (headers, bytes)
}

/// Of a DICOM object: of one picture all that goes along with it, of several frames what holds of all.
pub fn of_object(form: Form, beside: &[Rendered]) -> HeaderMap {
    if let [rendered] = beside {
        return headers(form, rendered);
    }
    let mut headers = HeaderMap::new();
    put(&mut headers, "x-espmedsam-notice", NOTICE);
    put_always(&mut headers, form);
    headers
}

/// Type, essentials and times.
fn headers(form: Form, rendered: &Rendered) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for essential in &rendered.essentials {
        let name = format!("x-espmedsam-{}", essential.name);
        put(&mut headers, &name, &essential.value);
    }
    put_always(&mut headers, form);
    put(
        &mut headers,
        "server-timing",
        &server_timing(&rendered.times),
    );
    headers
}

fn put_always(headers: &mut HeaderMap, form: Form) {
    let always = [
        (header::CONTENT_TYPE, form.media_type()),
        (header::CACHE_CONTROL, "no-store"),
        // One address, several forms: caches and proxies must look at `Accept`.
        (header::VARY, "accept"),
    ];
    headers.extend(always.map(|(name, value)| (name, HeaderValue::from_static(value))));
}

/// As browsers show it (W3C Server Timing).
fn server_timing(times: &Times) -> String {
    let metrics = times
        .rows()
        .map(|time| format!("{};dur={:.3}", time.name, time.ms));
    metrics.collect::<Vec<_>>().join(", ")
}

/// Sets a header; a value that no header can carry (a manifest may hold any text) is left out.
fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
