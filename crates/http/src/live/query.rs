//! What is asked of a live source in the query.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use axum::http::request::Parts;
use live::Session;
use picture::report::Form;
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
    raw: Option<u8>,
    /// `step`, the picture that the mask was computed from; `fresh`, the newest one, with the mask moved by the pictures'
    /// motion, and no mask where that is not provably right. The former if left out.
    #[serde(default)]
    #[param(inline)]
    mode: Mode,
    /// Width of the pictures, px; the source's own if left out or larger.
    width: Option<u32>,
}

/// Narrowest picture that words can be read on, px.
const NARROWEST: u32 = 160;

impl VideoQuery {
    /// How its pictures are to be drawn.
    ///
    /// # Errors
    /// [`Kind::BadQuery`].
    pub fn rendition(&self) -> Result<Rendition, Problem> {
        let raw = match self.raw {
            None | Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(Kind::BadQuery.because("'raw' is 0 or 1.")),
        };
        if self.width.is_some_and(|width| width < NARROWEST) {
            let least = format!("'width' is at least {NARROWEST}.");
            return Err(Kind::BadQuery.because(least));
        }
        Ok(Rendition {
            raw,
            fresh: self.mode == Mode::Fresh,
            width: self.width,
        })
    }
}

/// In which form a mask goes with each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MaskForm {
    /// In `result`, as polygons.
    #[default]
    Polygons,
    /// In `result`, as COCO run lengths.
    Rle,
    /// As the payload: a PNG of 0 and 255.
    Png,
    /// Not at all; `result` has the measures.
    None,
}

impl MaskForm {
    /// The form of the report in `result`.
    pub fn report(self) -> Form {
        match self {
            Self::Polygons => Form::Polygons,
            Self::Rle => Form::Rle,
            // The shortest: its run lengths are left out of what is sent.
            Self::Png | Self::None => Form::Rle,
        }
    }
}
