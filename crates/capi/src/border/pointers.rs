//! Addresses → references and back, checked as far as an address can be. Whatever is `unsafe` about arguments is here.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use embed::{GuestError, GuestFault};

use crate::records::{
    EspmedsamCounts, EspmedsamFacts, EspmedsamMask, EspmedsamOptions, EspmedsamPicture,
    EspmedsamSight, EspmedsamWish,
};

/// No record grows beyond this: a larger size was never set.
const LARGEST: usize = 4096;

/// A record that begins with its size.
///
/// # Safety
/// It is `repr(C)`, its first field is `struct_size: usize`, and any bytes are a value of it.
pub(super) unsafe trait Record: Copy {
    /// Its size when it first came: no caller knows a smaller one.
    const FIRST: usize;
    const NAME: &'static str;
}

macro_rules! records {
    ($($record:ident $first:literal,)*) => {$(
        // SAFETY: of numbers and addresses alone, the size first, as `records` has it.
        unsafe impl Record for $record {
            const FIRST: usize = $first;
            const NAME: &'static str = stringify!($record);
        }
    )*};
}

#[cfg(target_pointer_width = "64")]
records! {
    EspmedsamOptions 16,
    EspmedsamWish 64,
    EspmedsamPicture 72,
    EspmedsamMask 32,
    EspmedsamFacts 64,
    EspmedsamSight 32,
    EspmedsamCounts 48,
}

#[cfg(target_pointer_width = "32")]
records! {
    EspmedsamOptions 12,
    EspmedsamWish 56,
    EspmedsamPicture 44,
    EspmedsamMask 20,
    EspmedsamFacts 64,
    EspmedsamSight 32,
    EspmedsamCounts 48,
}

fn bad(message: String) -> GuestError {
    GuestFault::BadArgument.because(message)
}

fn missing(what: &str) -> GuestError {
    bad(format!("{what} is NULL"))
}

/// A record's size as its caller knows it.
///
/// # Safety
/// `record` is NULL or the address of a record.
unsafe fn size<T: Record>(record: *const T) -> Result<usize, GuestError> {
    if record.is_null() {
        return Err(missing(T::NAME));
    }
    if !record.is_aligned() {
        return Err(bad(format!("{} is not aligned", T::NAME)));
    }
    // SAFETY: the size comes first, in every version.
    let size = unsafe { record.cast::<usize>().read() };
    match (T::FIRST..=LARGEST).contains(&size) {
        true => Ok(size),
        false => Err(bad(format!(
            "{name}.struct_size is {size}: set it to sizeof({name})",
            name = T::NAME
        ))),
    }
}

/// A caller's record: what an older caller does not know is 0; what a newer one knows must be.
///
/// # Safety
/// `record` is NULL or the address of a record of as many bytes as its `struct_size` says.
pub(super) unsafe fn read<T: Record>(record: *const T) -> Result<T, GuestError> {
    // SAFETY: as promised.
    let size = unsafe { size(record) }?;
    let shared = size.min(size_of::<T>());
    let bytes = record.cast::<u8>();
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: `shared` is no more than either has.
    unsafe { std::ptr::copy_nonoverlapping(bytes, copy.as_mut_ptr().cast(), shared) };
    // SAFETY: as promised, the record has `size` bytes.
    let newer = unsafe { std::slice::from_raw_parts(bytes.add(shared), size - shared) };
    if newer.iter().any(|byte| *byte != 0) {
        let message = format!(
            "{} has a field set that this version does not know",
            T::NAME
        );
        return Err(bad(message));
    }
    // SAFETY: any bytes are a value of it.
    Ok(unsafe { copy.assume_init() })
}

/// Fills a caller's record as far as its caller knows it; its size stays.
///
/// # Safety
/// As of [`read`], and the record may be written.
pub(super) unsafe fn write<T: Record>(record: *mut T, value: &T) -> Result<(), GuestError> {
    // SAFETY: as promised.
    let size = unsafe { size(record) }?;
    let shared = size.min(size_of::<T>());
    let (to, from) = (record.cast::<u8>(), std::ptr::from_ref(value).cast::<u8>());
    let head = size_of::<usize>();
    // SAFETY: beyond the size itself `shared` is no more than either has; a record in Rust's memory is none of C's.
    unsafe { std::ptr::copy_nonoverlapping(from.add(head), to.add(head), shared - head) };
    // SAFETY: as promised, the record has `size` bytes.
    unsafe { std::ptr::write_bytes(to.add(shared), 0, size - shared) };
    Ok(())
}

/// # Safety
/// `handle` is NULL or the address of what [`hand_out`] gave and [`take_back`] did not take.
pub(super) unsafe fn borrow<'a, T>(handle: *const T, what: &str) -> Result<&'a T, GuestError> {
    // SAFETY: as promised; handles are only ever borrowed shared.
    unsafe { handle.as_ref() }.ok_or_else(|| missing(what))
}

/// A place for a handle, with NULL in it until there is one.
pub(super) struct HandlePlace<'a, T>(&'a mut *mut T);

impl<'a, T> HandlePlace<'a, T> {
    /// # Safety
    /// `place` is NULL or the address of a pointer that nobody else looks at during the call.
    pub unsafe fn new(place: *mut *mut T) -> Result<Self, GuestError> {
        // SAFETY: as promised.
        let place = unsafe { place.as_mut() }.ok_or_else(|| missing("the place of the result"))?;
        *place = std::ptr::null_mut();
        Ok(Self(place))
    }

    pub fn put(self, value: T) {
        *self.0 = hand_out(value);
    }
}

/// The address by which C holds a value.
pub(super) fn hand_out<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Ends what C holds.
///
/// # Safety
/// `handle` is NULL or the address of what [`hand_out`] gave; nobody uses it any more.
pub(super) unsafe fn take_back<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: as promised.
        drop(unsafe { Box::from_raw(handle) });
    }
}

/// A text of the caller's; `None` of NULL.
///
/// # Safety
/// `text` is NULL or the address of a text that ends with a NUL.
pub(super) unsafe fn text<'a>(
    text: *const c_char,
    what: &str,
) -> Result<Option<&'a str>, GuestError> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as promised.
    let text = unsafe { CStr::from_ptr(text) }.to_str();
    text.map(Some)
        .map_err(|_| bad(format!("{what} is not UTF-8")))
}

/// Bytes of the caller's.
///
/// # Safety
/// `data` is NULL or the address of so many bytes, which nobody changes during the call.
pub(super) unsafe fn bytes<'a>(
    data: *const u8,
    size: usize,
    what: &str,
) -> Result<&'a [u8], GuestError> {
    if data.is_null() {
        return Err(missing(what));
    }
    if isize::try_from(size).is_err() {
        return Err(bad(format!("{what} has no {size} bytes")));
    }
    // SAFETY: as promised.
    Ok(unsafe { std::slice::from_raw_parts(data, size) })
}
