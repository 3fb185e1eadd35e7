//! A picture's mask, and what is known of it.

use embed::{FileObjects, GuestError};
use picture::mask::presence::PresenceState;
use picture::report::{Extras, Form, render};
use picture::segmenter::Segmentation;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::fault::{bad, raised};

/// A result. See `espmedsam.Result`. To numpy it is the mask itself, in this memory.
#[pyclass(frozen, name = "Result", module = "espmedsam._native")]
pub(crate) struct NativeResult {
    segmentation: Segmentation,
    /// Of a file.
    objects: Option<FileObjects>,
}

impl NativeResult {
    pub(crate) fn of_array(segmentation: Segmentation) -> Self {
        Self {
            segmentation,
            objects: None,
        }
    }

    pub(crate) fn of_file(segmentation: Segmentation, objects: FileObjects) -> Self {
        Self {
            segmentation,
            objects: Some(objects),
        }
    }
}

#[pymethods]
impl NativeResult {
    /// numpy's array interface, version 3: bytes that may be read for as long as this object is there.
    #[getter(__array_interface__)]
    fn array_interface<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        const READ_ONLY: bool = true;
        let mask = &self.segmentation.mask;
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", "|u1")?;
        interface.set_item("shape", (mask.height(), mask.width()))?;
        interface.set_item("data", (mask.pixels().as_ptr().addr(), READ_ONLY))?;
        Ok(interface)
    }

    #[getter]
    fn confidence(&self) -> Option<f32> {
        self.segmentation.confidence
    }

    /// State and score, if the model says.
    #[getter]
    fn presence(&self) -> Option<(&'static str, f32)> {
        let presence = self.segmentation.presence?;
        let state = match presence.state {
            PresenceState::Present => "present",
            PresenceState::Unsure => "unsure",
            PresenceState::Absent => "absent",
        };
        Some((state, presence.score))
    }

    /// The result in a form by its name. Other threads run meanwhile.
    fn render<'py>(&self, py: Python<'py>, form: &str) -> PyResult<Bound<'py, PyBytes>> {
        let form = Form::from_name(form).ok_or_else(|| bad(py, format!("no form '{form}'")))?;
        if form.is_dicom() {
            return self.object(py, form);
        }
        let extras = Extras {
            sizes: true,
            ..Extras::default()
        };
        let rendered = py.detach(|| render(self.segmentation.clone(), form, extras));
        let rendered = rendered.map_err(|error| raised(py, &GuestError::from(error)))?;
        Ok(PyBytes::new(py, &rendered.bytes))
    }
}

impl NativeResult {
    fn object<'py>(&self, py: Python<'py>, form: Form) -> PyResult<Bound<'py, PyBytes>> {
        let none = "DICOM objects are made of files: ask `segment_file`";
        let objects = self.objects.as_ref().ok_or_else(|| bad(py, none))?;
        let made = py.detach(|| objects.object(form, self.segmentation.clone()));
        made.map(|bytes| PyBytes::new(py, &bytes))
            .map_err(|error| raised(py, &error))
    }
}
