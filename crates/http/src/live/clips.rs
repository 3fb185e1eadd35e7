//! The last seconds of a live source, saved on this machine.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use futures_util::stream::unfold;
use live::{ClipCut, ClipFile, SavedClip};
use picture::NOTICE;
use serde::Serialize;
use utoipa::ToSchema;

use super::query::{Asked, Which};
use crate::app::App;
use crate::problem::{Problem, internal};

/// A file is read and sent in parts of so many bytes.
const PART: usize = 256 << 10;

/// A file of a clip.
#[derive(Serialize, ToSchema)]
#[schema(as = ClipFile)]
pub struct ListedClip {
    /// Its name.
    name: String,
    /// Where to get it.
    url: String,
    /// Its length.
    bytes: u64,
}

impl From<ClipFile> for ListedClip {
    fn from(ClipFile { name, bytes }: ClipFile) -> Self {
        Self {
            url: format!("/v1/live/clips/{name}"),
            name,
            bytes,
        }
    }
}

/// The files of all clips.
#[derive(Serialize, ToSchema)]
pub struct ClipList {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// By name.
    files: Vec<ListedClip>,
}

/// A clip that was saved.
#[derive(Serialize, ToSchema)]
#[schema(as = SavedClip)]
pub struct ClipReceipt {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// The pictures: motion JPEG in AVI, at their mean rate. A source of kind `replay` plays it.
    video: ListedClip,
    /// JSON, line by line: first of the clip, then of each picture its time and its mask, or why it has none.
    record: ListedClip,
    /// How many pictures it has.
    pictures: usize,
    /// From the first to the last.
    seconds: f64,
    /// Why it is shorter than it was to be: `memory` (the pictures take more than `clip_mib`), `size` (the source's changed); null
    /// if it is not, or the source has not been watched for longer.
    #[schema(value_type = Option<String>)]
    shortened: Option<ClipCut>,
}

impl From<SavedClip> for ClipReceipt {
    fn from(saved: SavedClip) -> Self {
        Self {
            notice: NOTICE,
            video: saved.video.into(),
            record: saved.record.into(),
            pictures: saved.pictures,
            seconds: saved.seconds,
            shortened: saved.shortened,
        }
    }
}

/// Saves the last seconds of a live source: its pictures, and what became of each, as two files on this machine.
///
/// Only of a source that keeps them (`clip_s`), and where a folder is set for them (`live.clips` in the configuration). The masks
/// are the model's own, before stabilisation: who plays the video gets the same, bit for bit.
#[utoipa::path(post, path = "/v1/live/clip", operation_id = "live_clip", tag = "live", params(Which),
    responses((status = 201, description = "It lies on the disk", body = ClipReceipt), Problem))]
pub async fn save(
    State(app): State<Arc<App>>,
    Asked(which): Asked<Which>,
) -> Result<(StatusCode, Json<ClipReceipt>), Problem> {
    let (name, _) = which.find(&app)?;
    let save = move || app.studio.save_clip(Some(&name), SystemTime::now());
    let saved = blocking(save).await??;
    Ok((StatusCode::CREATED, Json(saved.into())))
}

/// The files of all clips that were saved, and of snapshots that the foot switch saved.
#[utoipa::path(get, path = "/v1/live/clips", operation_id = "list_clips", tag = "live",
    responses((status = 200, description = "The files of all clips", body = ClipList), Problem))]
pub async fn list(State(app): State<Arc<App>>) -> Result<Json<ClipList>, Problem> {
    let list = move || app.studio.clips()?.files();
    let files = blocking(list).await??;
    Ok(Json(ClipList {
        notice: NOTICE,
        files: files.into_iter().map(ListedClip::from).collect(),
    }))
}

/// A file of a clip.
#[utoipa::path(get, path = "/v1/live/clips/{file}", operation_id = "get_clip", tag = "live",
    params(("file" = String, Path, description = "its name, from /v1/live/clips")),
    responses((status = 200, description = "Motion JPEG in AVI (video/x-msvideo), JSON lines (application/x-ndjson), or a snapshot (image/png)",
        body = String, content_type = "application/octet-stream"), Problem))]
pub async fn read(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<(HeaderMap, Body), Problem> {
    let read = move || app.studio.clips()?.read(&name);
    let (ClipFile { name, bytes }, file) = blocking(read).await??;
    let media_type = match name.rsplit_once('.') {
        Some((_, "avi")) => "video/x-msvideo",
        Some((_, "png")) => "image/png",
        _ => "application/x-ndjson",
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    let attached = format!("attachment; filename=\"{name}\"");
    if let Ok(attached) = HeaderValue::try_from(attached) {
        headers.insert(header::CONTENT_DISPOSITION, attached);
    }
    // No more than was announced, whatever becomes of the file.
    let parts = unfold(file.take(bytes), |file| async {
        match blocking(move || part(file)).await {
            Ok(Ok((part, file))) => (!part.is_empty()).then_some((Ok(part), file)),
            Ok(Err((error, file))) => Some((Err(internal(&error.to_string())), file)),
            Err(_) => None,
        }
    });
    Ok((headers, Body::from_stream(parts)))
}

type Rest = std::io::Take<File>;

/// The next part; empty at the end.
fn part(mut file: Rest) -> Result<(Bytes, Rest), (std::io::Error, Rest)> {
    let mut part = Vec::new();
    match file.by_ref().take(PART as u64).read_to_end(&mut part) {
        Ok(_) => Ok((part.into(), file)),
        Err(error) => Err((error, file)),
    }
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| internal(&error.to_string()))
}
