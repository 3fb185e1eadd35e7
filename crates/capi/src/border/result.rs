//! What is had of a result.

use std::ffi::c_char;

use embed::{GuestError, GuestFault};
use picture::report::{Extras, Form, render};

use super::guard::{guarded, guarded_or};
use super::pointers::{HandlePlace, borrow, take_back, text, write};
use crate::code::EspmedsamCode;
use crate::handles::{EspmedsamDocument, EspmedsamResult};
use crate::records::{EspmedsamFacts, EspmedsamMask};
use crate::translate;

/// The mask, at the upright picture's size, in the result's memory: no copy is made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_result_mask(
    result: *const EspmedsamResult,
    mask: *mut EspmedsamMask,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let found = &unsafe { borrow(result, "result") }?.segmentation.mask;
        let record = EspmedsamMask {
            struct_size: size_of::<EspmedsamMask>(),
            pixels: found.pixels().as_ptr(),
            width: found.width(),
            height: found.height(),
            stride: found.width() as usize,
        };
        // SAFETY: the same.
        unsafe { write(mask, &record) }
    })
}

/// Area, confidence, presence, whether the picture looks like its modality.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_result_facts(
    result: *const EspmedsamResult,
    facts: *mut EspmedsamFacts,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let result = unsafe { borrow(result, "result") }?;
        // SAFETY: the same.
        unsafe { write(facts, &translate::facts(&result.segmentation)) }
    })
}

/// The modality's name, as asked or, of "auto", as chosen; there as long as the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_result_modality(
    result: *const EspmedsamResult,
) -> *const c_char {
    guarded_or(std::ptr::null(), || {
        // SAFETY: the folder's rule.
        let result = unsafe { borrow(result, "result") }?;
        Ok(result.modality.as_ptr())
    })
}

/// What the mask marks, in English words; there as long as the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_result_label(result: *const EspmedsamResult) -> *const c_char {
    guarded_or(std::ptr::null(), || {
        // SAFETY: the folder's rule.
        let result = unsafe { borrow(result, "result") }?;
        Ok(result.label.as_ptr())
    })
}

/// The result in a form by its name: "json" (everything, sizes among it), "rle", "polygons", "coco", "labelme", "geojson", "svg",
/// or "png", "overlay", "overlay-jpeg", "patch". The document is to be freed by espmedsam_document_free; the result stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_result_render(
    result: *const EspmedsamResult,
    form: *const c_char,
    document: *mut *mut EspmedsamDocument,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let (out, result) = unsafe { (HandlePlace::new(document)?, borrow(result, "result")?) };
        // SAFETY: the same.
        let name = unsafe { text(form, "form") }?.unwrap_or_default();
        let form = self::form(name)?;
        let extras = Extras {
            sizes: true,
            ..Extras::default()
        };
        let rendered = render(result.segmentation.clone(), form, extras);
        let mut bytes = rendered.map_err(GuestError::from)?.bytes;
        bytes.push(0);
        out.put(EspmedsamDocument { bytes });
        Ok(())
    })
}

fn form(name: &str) -> Result<Form, GuestError> {
    let known = Form::from_name(name).filter(|form| !form.is_dicom());
    known.ok_or_else(|| {
        let known = Form::ALL.iter().filter(|form| !form.is_dicom());
        let names: Vec<_> = known.map(|form| form.name()).collect();
        let message = format!("no form '{name}'; there are: {}", names.join(", "));
        GuestFault::BadArgument.because(message)
    })
}

/// A document's bytes, and a NUL after the last; there until it is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_document_data(
    document: *const EspmedsamDocument,
) -> *const c_char {
    guarded_or(std::ptr::null(), || {
        // SAFETY: the folder's rule.
        let document = unsafe { borrow(document, "document") }?;
        Ok(document.bytes.as_ptr().cast())
    })
}

/// How many bytes those are, the NUL not among them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_document_size(document: *const EspmedsamDocument) -> usize {
    guarded_or(0, || {
        // SAFETY: the folder's rule.
        let document = unsafe { borrow(document, "document") }?;
        Ok(document.bytes.len().saturating_sub(1))
    })
}

/// Ends a document. NULL: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_document_free(document: *mut EspmedsamDocument) {
    guarded_or((), || {
        // SAFETY: the folder's rule.
        unsafe { take_back(document) };
        Ok(())
    });
}

/// Ends a result, and the memory of its mask. NULL: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_result_free(result: *mut EspmedsamResult) {
    guarded_or((), || {
        // SAFETY: the folder's rule.
        unsafe { take_back(result) };
        Ok(())
    });
}
