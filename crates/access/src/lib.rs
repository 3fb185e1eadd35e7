//! Who may call from other machines, and what each may do. No HTTP: whoever serves asks the [`Gate`].
//!
//! A caller shows a token (RFC 6750), or the cookie of a browser that has shown one. The [`TokenRoll`] knows tokens by their
//! SHA-256 alone, with a name and the [`Scope`]s of each. Beside it: the [`TlsIdentity`] that TLS is spoken with, limits for
//! each caller, and the [`AuditLog`] of what was changed by whom.
//!
//! Research use only. Not for clinical use.

mod audit;
mod certificate;
mod config;
mod folder;
mod gate;
mod keeper;
mod pace;
mod roll;
mod scope;
mod secret;
mod sitting;

pub use audit::{AuditError, AuditLine, AuditLog, AuditRecord};
pub use certificate::{IdentityError, TlsIdentity};
pub use config::{AccessConfig, BadAccessSetting};
pub use folder::make_access_folder;
pub use gate::{AccessPass, AccessTime, Caller, Credential, Gate, NotAdmitted};
pub use keeper::RollKeeper;
pub use roll::{NewToken, RollError, TokenEntry, TokenRoll};
pub use scope::{NoSuchScope, Scope};
pub use secret::AccessSecret;
