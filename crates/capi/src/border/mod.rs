//! The functions, as C sees them. What each promises its caller is in the header; what all ask of theirs: an address is NULL or
//! that of what its type says, for as long as the call takes.
#![allow(
    unsafe_code,
    reason = "C gives and takes addresses: this folder alone makes references of them"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the rule for all is in the folder's head and in docs/embed.md"
)]

mod guard;
mod live;
mod open;
mod pointers;
mod result;
mod segment;

pub use live::{
    espmedsam_live_close, espmedsam_live_counts, espmedsam_live_open, espmedsam_live_poll,
    espmedsam_live_push,
};
pub use open::{
    espmedsam_close, espmedsam_code_name, espmedsam_last_error, espmedsam_modality_count,
    espmedsam_modality_label, espmedsam_modality_name, espmedsam_notice, espmedsam_open,
    espmedsam_version,
};
pub use result::{
    espmedsam_document_data, espmedsam_document_free, espmedsam_document_size,
    espmedsam_result_facts, espmedsam_result_free, espmedsam_result_label, espmedsam_result_mask,
    espmedsam_result_modality, espmedsam_result_render,
};
pub use segment::{espmedsam_segment, espmedsam_segment_file};
