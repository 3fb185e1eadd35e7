//! Models opened, what is in them, and what is said of errors.

use std::ffi::{CStr, c_char};
use std::path::Path;

use embed::{Guest, GuestFault, GuestOptions};

use super::guard::{guarded, guarded_or};
use super::pointers::{HandlePlace, borrow, read, take_back, text};
use crate::code::EspmedsamCode;
use crate::handles::EspmedsamSegmenter;
use crate::last_error;

/// The library's version, "0.1.0" for example.
#[unsafe(no_mangle)]
pub extern "C" fn espmedsam_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// "Research use only. Not for clinical use." To be shown wherever a mask is.
#[unsafe(no_mangle)]
pub extern "C" fn espmedsam_notice() -> *const c_char {
    const NOTICE: &CStr = c"Research use only. Not for clinical use.";
    const {
        assert!(
            NOTICE.count_bytes() == picture::NOTICE.len(),
            "the notice of all"
        );
    }
    NOTICE.as_ptr()
}

/// What went wrong in this thread's last call, for people; "" if nothing did. There until the thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn espmedsam_last_error() -> *const c_char {
    last_error::with(CStr::as_ptr)
}

/// The name of a code, "unknown-modality" for example: that of the HTTP API's problem. NULL if it is no code.
#[unsafe(no_mangle)]
pub extern "C" fn espmedsam_code_name(code: i32) -> *const c_char {
    const OK: &CStr = c"ok";
    match code {
        0 => OK.as_ptr(),
        _ => crate::code::name(code).map_or(std::ptr::null(), CStr::as_ptr),
    }
}

/// Opens a models folder (a path in UTF-8). NULL: the first of ./models, what came in a package, and
/// ../share/espmedsam/models beside the executable. options: NULL for the defaults.
///
/// Returns once a picture has gone through: some 100 ms. The segmenter is to be closed by espmedsam_close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_open(
    models: *const c_char,
    options: *const crate::records::EspmedsamOptions,
    segmenter: *mut *mut EspmedsamSegmenter,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the caller's promise, as for all functions here.
        let (out, models) = unsafe { (HandlePlace::new(segmenter)?, text(models, "models")?) };
        let options = match options.is_null() {
            true => GuestOptions::default(),
            false => {
                // SAFETY: as above.
                let options = unsafe { read(options) }?;
                GuestOptions {
                    threads: options.threads as usize,
                    workers: options.workers as usize,
                }
            }
        };
        let guest = Guest::open(models.map(Path::new), options)?;
        out.put(EspmedsamSegmenter::new(guest));
        Ok(())
    })
}

/// Ends a segmenter, which no other thread uses any more; its results stay. Waits for what is computed, but not long. NULL: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_close(segmenter: *mut EspmedsamSegmenter) {
    guarded_or((), || {
        // SAFETY: as in `espmedsam_open`.
        unsafe { take_back(segmenter) };
        Ok(())
    });
}

/// How many modalities there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_modality_count(segmenter: *const EspmedsamSegmenter) -> usize {
    guarded_or(0, || {
        // SAFETY: as in `espmedsam_open`.
        let segmenter = unsafe { borrow(segmenter, "segmenter") }?;
        Ok(segmenter.modalities.len())
    })
}

/// The name of one, "ultrasound" for example; there as long as the segmenter. NULL if there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_modality_name(
    segmenter: *const EspmedsamSegmenter,
    index: usize,
) -> *const c_char {
    // SAFETY: as in `espmedsam_open`.
    guarded_or(std::ptr::null(), || unsafe { said(segmenter, index, 0) })
}

/// What its masks mark, in English words; there as long as the segmenter. NULL if there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_modality_label(
    segmenter: *const EspmedsamSegmenter,
    index: usize,
) -> *const c_char {
    // SAFETY: as in `espmedsam_open`.
    guarded_or(std::ptr::null(), || unsafe { said(segmenter, index, 1) })
}

/// # Safety
/// As in [`espmedsam_open`].
unsafe fn said(
    segmenter: *const EspmedsamSegmenter,
    index: usize,
    which: usize,
) -> Result<*const c_char, embed::GuestError> {
    // SAFETY: the caller's promise.
    let segmenter = unsafe { borrow(segmenter, "segmenter") }?;
    let none = || GuestFault::BadArgument.because("there are not so many modalities");
    let texts = segmenter.modalities.get(index).ok_or_else(none)?;
    Ok(texts[which].as_ptr())
}
