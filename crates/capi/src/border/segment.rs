//! A picture in, a mask out.

use embed::{GuestError, GuestFault, GuestWish, frame_of};
use picture::frame::{Frame, FrameLimits};
use picture::segmenter::Picture;

use super::guard::guarded;
use super::pointers::{HandlePlace, borrow, bytes, read, text};
use crate::code::EspmedsamCode;
use crate::handles::{EspmedsamResult, EspmedsamSegmenter};
use crate::records::{EspmedsamPicture, EspmedsamWish};
use crate::translate::{self, SampleBytes};

/// A picture's mask. The calling thread waits; the result is to be freed by espmedsam_result_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_segment(
    segmenter: *const EspmedsamSegmenter,
    picture: *const EspmedsamPicture,
    wish: *const EspmedsamWish,
    result: *mut *mut EspmedsamResult,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let (out, segmenter) =
            unsafe { (HandlePlace::new(result)?, borrow(segmenter, "segmenter")?) };
        let guest = &segmenter.guest;
        // SAFETY: the same.
        let (wish, frame) = unsafe { (self::wish(wish)?, frame(picture, &guest.limits())?) };
        out.put(guest.segment(Picture::Frame(frame.into()), &wish)?.into());
        Ok(())
    })
}

/// The mask of a picture file (PNG, JPEG, BMP, TIFF, WebP) as it lies on disk: its first page, upright.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_segment_file(
    segmenter: *const EspmedsamSegmenter,
    file: *const u8,
    size: usize,
    wish: *const EspmedsamWish,
    result: *mut *mut EspmedsamResult,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let (out, segmenter) =
            unsafe { (HandlePlace::new(result)?, borrow(segmenter, "segmenter")?) };
        // SAFETY: the same.
        let (wish, file) = unsafe { (self::wish(wish)?, bytes(file, size, "file")?) };
        let most = segmenter.guest.limits().max_memory;
        if file.len() as u64 > most {
            let message = format!("a file of {} bytes is more than {most}", file.len());
            return Err(GuestFault::PictureTooLarge.because(message));
        }
        let result = segmenter.guest.segment(file.to_vec().into(), &wish)?;
        out.put(result.into());
        Ok(())
    })
}

/// # Safety
/// The folder's rule.
pub(super) unsafe fn wish(wish: *const EspmedsamWish) -> Result<GuestWish, GuestError> {
    // SAFETY: the caller's promise.
    let record = unsafe { read(wish) }?;
    // SAFETY: the same.
    let texts = unsafe {
        (
            text(record.modality, "modality")?,
            text(record.model, "model")?,
        )
    };
    let (Some(modality), model) = texts else {
        return Err(GuestFault::BadArgument.because("modality is NULL: it is never guessed"));
    };
    translate::wish(&record, modality, model)
}

/// # Safety
/// The folder's rule.
pub(super) unsafe fn frame(
    picture: *const EspmedsamPicture,
    limits: &FrameLimits,
) -> Result<Frame, GuestError> {
    // SAFETY: the caller's promise.
    let record = unsafe { read(picture) }?;
    // SAFETY: the same.
    let data = unsafe { bytes(record.data, record.data_size, "data") }?;
    let chroma = match record.chroma.is_null() {
        true => None,
        // SAFETY: the same.
        false => Some(unsafe { bytes(record.chroma, record.chroma_size, "chroma") }?),
    };
    let raw = translate::picture(&record, &SampleBytes { data, chroma })?;
    frame_of(&raw, limits)
}
