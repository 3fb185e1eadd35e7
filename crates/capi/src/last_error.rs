//! What went wrong last, for each thread its own: so a handle that several threads share tells none of them another's.

use std::cell::RefCell;
use std::ffi::{CStr, CString};

thread_local! {
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// Keeps a message until the thread's next call; without its NULs, which C would end at.
pub(crate) fn set(message: &str) {
    let message = text(message);
    MESSAGE.with(|last| *last.borrow_mut() = message);
}

/// Gives a look at the message; its address stays until [`set`] is called again on this thread.
pub(crate) fn with<R>(look: impl FnOnce(&CStr) -> R) -> R {
    MESSAGE.with(|last| look(&last.borrow()))
}

/// A text as C has it.
pub(crate) fn text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}
