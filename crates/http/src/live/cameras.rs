//! Which cameras and grabbers there are, and what they offer.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use live::{CameraFormat, CameraSize, OfferedCamera};
use picture::NOTICE;
use serde::Serialize;
use utoipa::ToSchema;
use video::source::Encoding;

use crate::app::App;
use crate::problem::{Kind, Problem, internal};

/// Longest that drivers are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// All cameras and grabbers.
#[derive(Serialize, ToSchema)]
pub struct CameraList {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// In the order of their nodes.
    cameras: Vec<ListedCamera>,
}

/// A camera or grabber.
#[derive(Serialize, ToSchema)]
#[schema(as = Camera)]
pub struct ListedCamera {
    /// Its node; may be another one after replugging.
    #[schema(example = "/dev/video0")]
    path: String,
    /// A name that stays the same: the one to write into a configuration.
    stable: Option<String>,
    /// What its maker calls it.
    card: String,
    /// Why it cannot be used now.
    problem: Option<String>,
    /// What it offers.
    formats: Vec<ListedFormat>,
}

/// A pixel format that a camera offers.
#[derive(Serialize, ToSchema)]
#[schema(as = CameraFormat)]
pub struct ListedFormat {
    /// Its four characters, as V4L2 has them.
    #[schema(example = "MJPG")]
    code: String,
    /// The same as `encoding` of a source; null: it is not read here.
    #[schema(value_type = Option<String>, example = "jpeg")]
    encoding: Option<Encoding>,
    /// Its sizes; empty if the driver does not say.
    sizes: Vec<ListedSize>,
}

/// A size, or a range of them: columns, rows.
#[derive(Serialize, ToSchema)]
#[schema(as = CameraSize)]
pub struct ListedSize {
    /// The smallest.
    smallest: [u32; 2],
    /// The largest: the same, if there is only one.
    largest: [u32; 2],
    /// From one to the next.
    step: [u32; 2],
    /// Pictures a second; empty if the driver does not say.
    fps: Vec<f32>,
}

impl From<OfferedCamera> for ListedCamera {
    fn from(camera: OfferedCamera) -> Self {
        Self {
            path: camera.path.display().to_string(),
            stable: camera.stable.map(|path| path.display().to_string()),
            card: camera.card,
            problem: camera.problem,
            formats: camera.formats.into_iter().map(ListedFormat::from).collect(),
        }
    }
}

impl From<CameraFormat> for ListedFormat {
    fn from(format: CameraFormat) -> Self {
        Self {
            code: format.code,
            encoding: format.encoding,
            sizes: format.sizes.into_iter().map(ListedSize::from).collect(),
        }
    }
}

impl From<CameraSize> for ListedSize {
    fn from(size: CameraSize) -> Self {
        let CameraSize {
            smallest,
            largest,
            step,
            fps,
        } = size;
        Self {
            smallest,
            largest,
            step,
            fps,
        }
    }
}

/// The cameras and grabbers of this machine, and what they offer: asked now, which takes as long as their drivers do.
#[utoipa::path(get, path = "/v1/cameras", operation_id = "list_cameras", tag = "live",
    responses((status = 200, description = "All cameras", body = CameraList), Problem))]
pub async fn list(State(app): State<Arc<App>>) -> Result<Json<CameraList>, Problem> {
    let asking = async {
        // One at a time: who hangs at a driver holds one thread, not all.
        let place = (app.cameras.clone().acquire_owned().await)
            .map_err(|error| internal(&error.to_string()))?;
        let workshop = app.studio.workshop().clone();
        let asked = tokio::task::spawn_blocking(move || {
            let _place = place;
            workshop.cameras()
        });
        let asked = asked.await.map_err(|error| internal(&error.to_string()))?;
        asked.map_err(|error| internal(&error.to_string()))
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    let cameras =
        asked.map_err(|_| Kind::CamerasSilent.because("They were asked for five seconds."))??;
    Ok(Json(CameraList {
        notice: NOTICE,
        cameras: cameras.into_iter().map(ListedCamera::from).collect(),
    }))
}
