//! The Python package's native module `espmedsam._native`, over [`embed`]; what people see is in Python, in the folder
//! `espmedsam` beside. Arrays come in by the buffer protocol and go out by numpy's array interface, so no numpy is linked; while
//! the engine is at work, other Python threads run.
//!
//! Research use only. Not for clinical use.

mod fault;
mod found;
mod pixels;
mod segmenter;

/// `espmedsam._native`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::found::NativeResult;
    #[pymodule_export]
    use super::segmenter::NativeSegmenter;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let names: Vec<_> = embed::GuestFault::ALL.iter().map(|f| f.name()).collect();
        module.add("FAULTS", names)?;
        module.add("NOTICE", picture::NOTICE)?;
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
