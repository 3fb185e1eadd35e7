//! What the program and its models are made of.

use axum::http::header;
use axum::response::IntoResponse;

/// CycloneDX, as `make sbom` wrote it and a test holds to `Cargo.lock` and the manifest.
const BILL: &str = include_str!("../../../docs/sbom.cdx.json");
/// Its media type (CycloneDX 1.6).
const TYPE: &str = "application/vnd.cyclonedx+json; version=1.6";

/// The bill of materials: every crate and every model, with hashes and licences.
#[utoipa::path(get, path = "/v1/sbom", operation_id = "get_sbom", tag = "about",
    responses((status = 200, description = "CycloneDX 1.6", body = Object,
        content_type = "application/vnd.cyclonedx+json"), super::problem::Problem))]
pub async fn bill() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TYPE)], BILL)
}
