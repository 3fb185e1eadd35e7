//! Faults → the package's exceptions.

use embed::{GuestError, GuestFault};
use pyo3::prelude::*;

/// The exception of `espmedsam.errors` for a fault.
pub(crate) fn raised(py: Python<'_>, error: &GuestError) -> PyErr {
    let made = py
        .import("espmedsam.errors")
        .and_then(|errors| errors.getattr("of"))
        .and_then(|of| of.call1((error.fault.name(), error.message.as_str())));
    made.map_or_else(|failed| failed, PyErr::from_value)
}

/// The caller's fault.
pub(crate) fn bad(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raised(py, &GuestFault::BadArgument.because(message))
}
