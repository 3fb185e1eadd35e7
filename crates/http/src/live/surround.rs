//! The console's surround: proposed, shown for confirmation, and cut off when a person has said so.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use picture::NOTICE;
use picture::frame::PixelRect;
use picture::report::Form;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::query::{Asked, Which, find};
use super::region::SourceRegion;
use super::sources::{ListedSource, listed};
use crate::app::App;
use crate::door::CameBy;
use crate::problem::{Kind, Problem, internal};
use crate::wish::PictureFile;

/// Longest that the next picture is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Width and height of a whole picture, px.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct WholeSize {
    /// Columns.
    width: u32,
    /// Rows.
    height: u32,
}

/// What a source's pictures show beside the scan, as it seems.
#[derive(Serialize, ToSchema)]
pub struct SurroundReport {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// The source's name.
    source: String,
    /// What could be kept; null: the picture has no surround, or it was not found.
    region: Option<SourceRegion>,
    /// How sure that is, 0..=1: a measure, not a probability. Of a still picture 0.6 at most.
    confidence: Option<f32>,
    /// The whole picture's size.
    picture: WholeSize,
    /// Pictures that were looked at.
    pictures: u32,
    /// Where the region can be looked at.
    preview: Option<String>,
}

/// A source, and a part of its picture.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RegionQuery {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    source: Option<String>,
    /// First column in the whole picture, px. Without all four: the whole picture.
    x: Option<u32>,
    /// First row, px.
    y: Option<u32>,
    /// Columns, px.
    #[param(minimum = 1)]
    width: Option<u32>,
    /// Rows, px.
    #[param(minimum = 1)]
    height: Option<u32>,
}

impl RegionQuery {
    fn region(&self) -> Result<Option<PixelRect>, Problem> {
        match (self.x, self.y, self.width, self.height) {
            (None, None, None, None) => Ok(None),
            (Some(x), Some(y), Some(width), Some(height)) => Ok(Some(PixelRect {
                x,
                y,
                width,
                height,
            })),
            _ => {
                let all = "A region needs 'x', 'y', 'width' and 'height'.";
                Err(Kind::BadQuery.because(all))
            }
        }
    }
}

/// Looks at the next pictures, for two seconds at most, for what a console shows around its scan. Nothing is changed by it:
/// POST /v1/live/region confirms.
#[utoipa::path(post, path = "/v1/live/surround", operation_id = "live_surround", tag = "live", params(Which),
    responses((status = 200, description = "What could be kept", body = SurroundReport), Problem))]
pub async fn propose(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    Asked(which): Asked<Which>,
) -> Result<Json<SurroundReport>, Problem> {
    let (source, session) = which.find(&app)?;
    let seen = looking(&app, came_by, move |_| session.find_surround()).await?;
    let seen = seen.ok_or_else(no_picture)?;
    let region = seen.proposal.map(|proposal| proposal.region);
    let preview = |r: PixelRect| {
        let (x, y, width, height) = (r.x, r.y, r.width, r.height);
        format!("/v1/live/surround.jpg?source={source}&x={x}&y={y}&width={width}&height={height}")
    };
    let [width, height] = seen.size;
    Ok(Json(SurroundReport {
        notice: NOTICE,
        preview: region.map(preview),
        source,
        region: region.map(SourceRegion::from),
        confidence: seen.proposal.map(|proposal| proposal.confidence),
        picture: WholeSize { width, height },
        pictures: seen.pictures,
    }))
}

/// The next whole picture with a region marked upon it, as it would be kept; nothing is changed by it.
#[utoipa::path(get, path = "/v1/live/surround.jpg", operation_id = "live_surround_picture", tag = "live", params(RegionQuery),
    responses((status = 200, description = "The whole picture, dark around the region", body = PictureFile, content_type = "image/jpeg"), Problem))]
pub async fn picture(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    Asked(query): Asked<RegionQuery>,
) -> Result<Response, Problem> {
    let region = query.region()?;
    let (_, session) = find(&app, query.source.as_deref())?;
    let drawn = looking(&app, came_by, move |app| {
        let whole = session.next_whole(PATIENCE).ok_or_else(no_picture)?;
        if let Some(region) = region {
            region.check(whole.size())?;
        }
        let drawn = (app.gallery).at_easel(|easel| easel.marked(&whole, region))?;
        Ok::<_, Problem>(drawn)
    });
    let media_type = [(header::CONTENT_TYPE, Form::OverlayJpeg.media_type())];
    Ok((media_type, drawn.await??).into_response())
}

/// Has that region of the source's pictures seen and segmented from the next one on; without a region the whole picture.
/// Settles what was proposed. Nothing that was seen before is shown after this.
#[utoipa::path(post, path = "/v1/live/region", operation_id = "live_region", tag = "live", params(RegionQuery),
    responses((status = 200, description = "The source as it is now", body = ListedSource), Problem))]
pub async fn confirm(
    State(app): State<Arc<App>>,
    Asked(query): Asked<RegionQuery>,
) -> Result<Json<ListedSource>, Problem> {
    let region = query.region()?;
    let (name, session) = find(&app, query.source.as_deref())?;
    session.aim(region)?;
    Ok(Json(listed(&name, &session)))
}

fn no_picture() -> Problem {
    Kind::NoPicture.because("None came within two seconds.")
}

/// Has somebody look, which may take seconds, away from what serves everybody; in a viewer's place.
async fn looking<R: Send + 'static>(
    app: &Arc<App>,
    came_by: CameBy,
    look: impl FnOnce(&App) -> R + Send + 'static,
) -> Result<R, Problem> {
    let place = app.viewers_place(came_by)?;
    let app = app.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let _place = place;
        look(&app)
    });
    looked.await.map_err(|error| internal(&error.to_string()))
}
