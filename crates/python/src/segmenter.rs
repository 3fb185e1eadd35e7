//! Models, opened.

use std::path::PathBuf;
use std::time::Duration;

use dicom::Identity;
use embed::{FileWish, Guest, GuestOptions, GuestWish};
use picture::frame::PixelRect;
use picture::scale::PixelSize;
use picture::segmenter::{Ask, OnMismatch, Picture};
use pyo3::prelude::*;

use crate::fault::{bad, raised};
use crate::found::NativeResult;
use crate::pixels::frame;

/// Opened models. See `espmedsam.Segmenter`.
#[pyclass(frozen, name = "Segmenter", module = "espmedsam._native")]
pub(crate) struct NativeSegmenter {
    guest: Guest,
}

/// What is asked of a picture, as `espmedsam.Segmenter` hands it on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct AskedByPython {
    modality: String,
    model: Option<String>,
    keep: bool,
    pixel_mm: Option<[f64; 2]>,
    region: Option<[u32; 4]>,
    timeout_s: Option<f64>,
}

/// What is asked of a file besides.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct AskedOfFile {
    frame: Option<u32>,
    keep_identity: bool,
}

impl From<AskedOfFile> for FileWish {
    fn from(asked: AskedOfFile) -> Self {
        Self {
            frame: asked.frame,
            identity: match asked.keep_identity {
                true => Identity::Kept,
                false => Identity::Removed,
            },
        }
    }
}

impl AskedByPython {
    fn wish(self, py: Python<'_>) -> PyResult<GuestWish> {
        let pixel = self.pixel_mm.map(PixelSize::new).transpose();
        let timeout = self.timeout_s.map(Duration::try_from_secs_f64).transpose();
        Ok(GuestWish {
            ask: Ask {
                model: self.model,
                on_mismatch: match self.keep {
                    true => OnMismatch::Keep,
                    false => OnMismatch::Refuse,
                },
                ..Ask::new(self.modality)
            },
            pixel: pixel.map_err(|error| bad(py, format!("pixel_mm: {error}")))?,
            region: self.region.map(|[x, y, width, height]| PixelRect {
                x,
                y,
                width,
                height,
            }),
            timeout: timeout.map_err(|error| bad(py, format!("timeout: {error}")))?,
        })
    }
}

#[pymethods]
impl NativeSegmenter {
    #[new]
    fn new(
        py: Python<'_>,
        models: Option<PathBuf>,
        threads: usize,
        workers: usize,
    ) -> PyResult<Self> {
        let options = GuestOptions { threads, workers };
        let guest = py.detach(|| Guest::open(models.as_deref(), options));
        let guest = guest.map_err(|error| raised(py, &error))?;
        Ok(Self { guest })
    }

    /// Models, the default one first: name, and its modalities with what each marks.
    fn models(&self) -> Vec<(String, Vec<(String, String)>)> {
        let mut models: Vec<_> = self.guest.models().iter().collect();
        models.sort_by_key(|model| !model.default);
        let told = models.into_iter().map(|model| {
            let modalities = model.modalities.iter();
            let modalities = modalities.map(|m| (m.name.clone(), m.label.clone()));
            (model.name.clone(), modalities.collect())
        });
        told.collect()
    }

    fn segment(&self, array: &Bound<'_, PyAny>, asked: AskedByPython) -> PyResult<NativeResult> {
        let py = array.py();
        let picture = Picture::Frame(frame(array, &self.guest.limits())?.into());
        let wish = asked.wish(py)?;
        let found = py.detach(|| self.guest.segment(picture, &wish));
        let found = found.map_err(|error| raised(py, &error))?;
        Ok(NativeResult::of_array(found))
    }

    fn segment_file(
        &self,
        py: Python<'_>,
        file: &[u8],
        asked: AskedByPython,
        of: AskedOfFile,
    ) -> PyResult<NativeResult> {
        let (bytes, wish) = (file.to_vec(), asked.wish(py)?);
        let found = py.detach(|| self.guest.segment_file(bytes, &wish, of.into()));
        let (found, objects) = found.map_err(|error| raised(py, &error))?;
        Ok(NativeResult::of_file(found, objects))
    }
}
