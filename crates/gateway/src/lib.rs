//! Between a DICOM network and the model: pictures that are pushed are segmented, and the answers sent on.
//!
//! ```text
//!  scanner ──C-STORE──► Spool ──► one worker ──► segmenter ──► SEG, SR, capture ──► Outbox ──C-STORE, STOW-RS──► archive
//!                                   │ no answer: counted, said, removed
//! ```
//!
//! An object leaves the spool when all its answers are in the outbox, or when it is known that there are none. What is made of
//! an object again, after a kill, is named as it was and bears the time at which the object came: to the byte the same, so that
//! an outbox that knows it does not take it twice. IHE calls such a one an Evidence Creator. Knows no engine and no HTTP. See
//! `docs/dicom-network.md`.
//!
//! Research use only. Not for clinical use.

mod attempts;
mod config;
mod fate;
mod hold;
mod maker;
mod meter;
mod naming;
mod node;
mod plan;
mod worker;

pub use config::{
    AnswerKind, BadDicomSetting, CallerConfig, DestinationConfig, DestinationSpec, DicomConfig,
    SentIdentity, TlsSpec,
};
pub use fate::ObjectFate;
pub use meter::{GatewayView, SendingCounts};
pub use node::{Gateway, GatewayError};
pub use plan::{AnswerRoute, GatewayPlan};
