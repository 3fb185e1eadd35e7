//! How large a pixel of a live source is, as a person says who has measured something of a known size upon its picture.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use picture::scale::{PixelSize, Scale};
use serde::Deserialize;
use utoipa::IntoParams;

use super::query::{Asked, find};
use super::sources::{ListedSource, listed};
use crate::app::App;
use crate::problem::{Kind, Problem, shortened};
use crate::wish::PixelMm;

/// A source, and how large a pixel of it is.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ScaleQuery {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    source: Option<String>,
    /// Millimetres per pixel, one number or two (column,row); without it, a pixel's size is not known.
    #[param(value_type = Option<PixelMm>)]
    pixel_mm: Option<String>,
}

impl ScaleQuery {
    fn scale(&self) -> Result<Scale, Problem> {
        let read = |text: &String| {
            text.parse::<PixelSize>().map_err(|error| {
                let text = shortened(text);
                Kind::BadQuery.because(format!("`pixel_mm` is '{text}': {error}."))
            })
        };
        Ok(self.pixel_mm.as_ref().map(read).transpose()?.into())
    }
}

/// Has the source's pixels taken to be so large from the next picture on, until the program ends: lengths are right only while
/// the machine shows the same depth. Nothing that was measured before is shown after this.
#[utoipa::path(post, path = "/v1/live/scale", operation_id = "live_scale", tag = "live", params(ScaleQuery),
    responses((status = 200, description = "The source as it is now", body = ListedSource), Problem))]
pub async fn rescale(
    State(app): State<Arc<App>>,
    Asked(query): Asked<ScaleQuery>,
) -> Result<Json<ListedSource>, Problem> {
    let scale = query.scale()?;
    let (name, session) = find(&app, query.source.as_deref())?;
    session.rescale(scale);
    Ok(Json(listed(&name, &session)))
}
