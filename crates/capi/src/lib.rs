//! The C library `libespmedsam`: models opened, pictures in, masks out, over [`embed`].
//!
//! [`records`] and [`code`] are what goes over the border, plain data; [`border`] is the border itself, the one place outside
//! `crates/compute` with `unsafe`: there addresses become references and back, arguments are checked, panics stop. The header
//! is written from these by cbindgen, and `docs/embed.md` says the rules.
//!
//! Research use only. Not for clinical use.

pub mod border;
pub mod code;
mod handles;
mod last_error;
pub mod records;
mod translate;
