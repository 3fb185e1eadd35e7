//! The bundled sample pictures: real, anonymised, from public research data sets.

use axum::Json;
use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Kind, Problem};
use super::wish::PictureFile;
use picture::NOTICE;
use picture::frame::Format;
use picture::schema::word;

/// A bundled picture.
#[derive(Serialize, ToSchema)]
pub struct Sample {
    /// File name.
    name: &'static str,
    /// Where to get it.
    url: &'static str,
    /// What it shows.
    title: &'static str,
    /// The modality to ask for.
    modality: &'static str,
    /// Data set and authors.
    source: &'static str,
    /// Licence of the picture.
    licence: &'static str,
    #[serde(skip)]
    bytes: &'static [u8],
}

macro_rules! sample {
    ($name:literal, $modality:literal, $title:literal, $licence:literal, $source:literal) => {
        Sample {
            name: $name,
            url: concat!("/samples/", $name),
            title: $title,
            modality: $modality,
            source: $source,
            licence: $licence,
            bytes: include_bytes!(concat!("../../../tests/samples/", $name)),
        }
    };
}

static SAMPLES: [Sample; 5] = [
    sample!(
        "hc18_230_HC.jpg",
        "ultrasound",
        "Fetal head",
        "CC BY 4.0",
        "van den Heuvel et al., HC18, Zenodo 10.5281/zenodo.1327317; resized"
    ),
    sample!(
        "usgra_0180.jpg",
        "ultrasound",
        "Nerves and vessels",
        "CC BY 4.0",
        "T. Kandaouroff, usgra-seg, 2025; resized"
    ),
    sample!(
        "kvasir_cju84hibuktj80871u519o71q.jpg",
        "colonoscopy",
        "Polyp",
        "CC BY 4.0",
        "Jha et al., Kvasir-SEG, MMM 2020, part of HyperKvasir (Borgli et al., Scientific Data 7:283, 2020); squeezed"
    ),
    sample!(
        "ISIC_0000390.jpg",
        "dermoscopy",
        "Skin lesion",
        "CC0",
        "Codella et al., ISIC 2017"
    ),
    sample!(
        "dsb_0121d6759c5adb29.jpg",
        "microscopy",
        "Cell nuclei",
        "CC0",
        "Caicedo et al., BBBC038"
    ),
];

/// The list of bundled pictures.
#[derive(Serialize, ToSchema)]
pub struct SampleList {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// The pictures.
    samples: &'static [Sample],
}

/// The bundled sample pictures, with source and licence.
#[utoipa::path(get, path = "/v1/samples", operation_id = "list_samples", tag = "samples",
    responses((status = 200, description = "The bundled pictures", body = SampleList), Problem))]
pub async fn list() -> Json<SampleList> {
    Json(SampleList {
        notice: NOTICE,
        samples: &SAMPLES,
    })
}

picture::schemas! {
    /// A bundled picture's file name.
    SampleName: word(SAMPLES.iter().map(|sample| sample.name)),
}

/// One bundled picture.
#[utoipa::path(get, path = "/samples/{name}", operation_id = "get_sample", tag = "samples",
    params(("name" = inline(SampleName), Path, description = "file name, from /v1/samples")),
    responses((status = 200, description = "The picture file", body = PictureFile, content_type = "image/jpeg"), Problem))]
pub async fn picture(Path(name): Path<String>) -> Result<impl IntoResponse, Problem> {
    let sample = SAMPLES.iter().find(|sample| sample.name == name);
    let sample = sample.ok_or_else(|| {
        Kind::NotFound.because("There is no sample of that name; see /v1/samples.")
    })?;
    let headers = [
        (header::CONTENT_TYPE, Format::Jpeg.media_type()),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    Ok((headers, sample.bytes))
}
