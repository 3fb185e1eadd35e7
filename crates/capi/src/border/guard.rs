//! No panic goes over the border.

use std::panic::{AssertUnwindSafe, catch_unwind};

use embed::{GuestError, GuestFault};

use crate::code::EspmedsamCode;
use crate::last_error;

/// Runs a call's body. What went wrong is a code, and a message for this thread.
pub(super) fn guarded(body: impl FnOnce() -> Result<(), GuestError>) -> EspmedsamCode {
    match caught(body) {
        Ok(()) => {
            last_error::set("");
            EspmedsamCode::Ok
        }
        Err(GuestError { fault, message }) => {
            last_error::set(&message);
            EspmedsamCode::of(fault)
        }
    }
}

/// Runs a look-up, which cannot fail but by a fault of ours.
pub(super) fn guarded_or<R>(otherwise: R, body: impl FnOnce() -> Result<R, GuestError>) -> R {
    caught(body).unwrap_or_else(|error| {
        last_error::set(&error.message);
        otherwise
    })
}

fn caught<R>(body: impl FnOnce() -> Result<R, GuestError>) -> Result<R, GuestError> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(GuestFault::Internal.because(format!("internal error: {}", text.unwrap_or("a panic"))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_code_and_its_message_the_threads_own() {
        assert_eq!(guarded(|| panic!("fault {}", 7)), EspmedsamCode::Internal);
        let told = || last_error::with(|message| message.to_str().unwrap().to_owned());
        assert_eq!(told(), "internal error: fault 7");
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(last_error::with(|m| m.to_bytes().len()), 0));
        });
        assert_eq!(guarded_or(7, || panic!("fault")), 7);
        assert_eq!(told(), "internal error: fault");
        assert_eq!(guarded(|| Ok(())), EspmedsamCode::Ok);
        assert_eq!(told(), "");
    }
}
