//! What is asked of a live source in the query.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use axum::http::request::Parts;
use live::Session;
use picture::schema::whole;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};

use super::rendition::Rendition;
use crate::app::App;
use crate::problem::{Kind, Problem};

/// A query in which nothing is unknown.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        let refused = |rejection: QueryRejection| Kind::BadQuery.because(rejection.body_text());
        Ok(Self(query.map_err(refused)?.0))
    }
}

/// Which source.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    source: Option<String>,
}

impl Which {
    /// It.
    ///
    /// # Errors
    /// [`Kind::NoSuchSource`].
    pub fn find(&self, app: &App) -> Result<(String, Arc<Session>), Problem> {
        find(app, self.source.as_deref())
    }
}

/// The source of that name, or the only one.
///
/// # Errors
/// [`Kind::NoSuchSource`].
pub fn find(app: &App, name: Option<&str>) -> Result<(String, Arc<Session>), Problem> {
    Ok(app.studio.find(name)?)
}

/// Which picture is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The one that the mask was computed from.
    #[default]
    Step,
    /// The newest.
    Fresh,
}

/// A video as pictures.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VideoQuery {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    pub source: Option<String>,
    /// 1: without the mask.
    #[param(schema_with = raw)]
    raw: Option<u32>,
    /// `step`, the picture that the mask was computed from; `fresh`, the newest one, with the mask moved by the pictures'
    /// motion, and no mask where that is not provably right. The former if left out.
    #[serde(default)]
    #[param(inline)]
    mode: Mode,
    /// Width of the pictures, px; the source's own if left out or larger.
    #[param(schema_with = width)]
    width: Option<u32>,
}

/// With the mask, or without.
const RAW: RangeInclusive<u32> = 0..=1;
/// Widths of pictures that words can be read on, px.
const WIDTHS: RangeInclusive<u32> = 160..=u32::MAX;

fn raw() -> Object {
    whole(&RAW)
}

fn width() -> Object {
    whole(&WIDTHS)
}

/// A value that may be left out, if it lies within its range.
///
/// # Errors
/// [`Kind::BadQuery`].
pub fn within(
    name: &str,
    value: Option<u32>,
    range: RangeInclusive<u32>,
) -> Result<Option<u32>, Problem> {
    match value {
        Some(found) if !range.contains(&found) => {
            let (least, most) = range.into_inner();
            Err(Kind::BadQuery.because(format!("'{name}' is {least} to {most}, not {found}.")))
        }
        value => Ok(value),
    }
}

impl VideoQuery {
    /// How its pictures are to be drawn.
    ///
    /// # Errors
    /// [`Kind::BadQuery`].
    pub fn rendition(&self) -> Result<Rendition, Problem> {
        Ok(Rendition {
            raw: within("raw", self.raw, RAW)? == Some(1),
            fresh: self.mode == Mode::Fresh,
            width: within("width", self.width, WIDTHS)?,
        })
    }
}
