//! What goes over the border by value. Each record begins with its size as its caller knows it: so a record may grow, and old
//! callers go on ([`super::border`] says how sizes are met).

use std::ffi::c_char;

use crate::handles::EspmedsamResult;

/// How a picture's samples lie.
#[repr(C)]
pub enum EspmedsamFormat {
    /// 8 bits of grey, a byte for each pixel.
    Grey = 0,
    /// R G B, a byte each.
    Rgb = 1,
    /// 4:2:0, a plane of Y, then one of U V interleaved at half the width and height, rounded up.
    Nv12 = 2,
    /// 4:2:2, Y U Y V for each two pixels.
    Yuyv = 3,
}

/// How luma and chroma are made of red, green and blue, and which values they take (ITU-R BT.601, BT.709).
#[repr(C)]
pub enum EspmedsamColour {
    /// BT.601, luma 16 to 235: most grabbers and webcams.
    Bt601Limited = 0,
    /// BT.601, luma 0 to 255: JPEG.
    Bt601Full = 1,
    /// BT.709, luma 16 to 235: HDMI.
    Bt709Limited = 2,
    /// BT.709, luma 0 to 255.
    Bt709Full = 3,
}

/// What becomes of a picture that does not look like its modality.
#[repr(C)]
pub enum EspmedsamOnMismatch {
    /// It gets no mask, but the code ESPMEDSAM_CODE_MODALITY_MISMATCH.
    Refuse = 0,
    /// It gets its mask, and the facts say so.
    Keep = 1,
}

/// Whether anything is there at all, by the network's own word.
#[repr(C)]
pub enum EspmedsamPresence {
    /// The model does not say.
    Unknown = 0,
    /// Something is there.
    Present = 1,
    /// Something may be there: the mask says where it would be.
    Unsure = 2,
    /// Nothing is there: the mask is empty.
    Absent = 3,
}

/// Whether the picture looks like its modality.
#[repr(C)]
pub enum EspmedsamCheck {
    /// Nobody looked: the models have no guard that knows it.
    Unchecked = 0,
    /// It does.
    Match = 1,
    /// It plainly does not. The mask is not to be shown as if it did.
    Mismatch = 2,
}

/// How the library is laid out.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamOptions {
    /// sizeof(EspmedsamOptions).
    pub struct_size: usize,
    /// Computing threads of each worker; 0: one for each core.
    pub threads: u32,
    /// Pictures computed at once; 0: one, which has all the threads.
    pub workers: u32,
}

/// A rectangle of pixels; all 0 where none is meant.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamRect {
    /// Its first column.
    pub x: u32,
    /// Its first row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What is asked of a picture.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamWish {
    /// sizeof(EspmedsamWish).
    pub struct_size: usize,
    /// What kind of picture it is, "ultrasound" for example: never guessed, unless it is "auto". UTF-8.
    pub modality: *const c_char,
    /// A model's name; NULL: the one that the manifest prefers for the modality.
    pub model: *const c_char,
    /// An EspmedsamOnMismatch.
    pub on_mismatch: u32,
    /// Most milliseconds that it may take, waiting included; 0: as long as it takes. Live sources do without.
    pub timeout_ms: u32,
    /// The part of the picture to look at; all 0: all of it. The mask is of the whole picture all the same.
    pub region: EspmedsamRect,
    /// Millimetres of a pixel, from column to column and from row to row; both 0: not known.
    pub pixel_mm: [f64; 2],
}

/// A picture of 8-bit samples in the caller's memory. Read within the call, and no later.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamPicture {
    /// sizeof(EspmedsamPicture).
    pub struct_size: usize,
    /// An EspmedsamFormat.
    pub format: u32,
    /// An EspmedsamColour; asked of NV12 and YUYV alone.
    pub colour: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The first sample of the first row.
    pub data: *const u8,
    /// Bytes that may be read from there on.
    pub data_size: usize,
    /// Bytes from the start of a row to the start of the next; 0: rows follow each other without a gap.
    pub stride: usize,
    /// Of NV12 the first U, where it does not come straight after the rows of Y; else NULL.
    pub chroma: *const u8,
    /// Bytes that may be read from there on.
    pub chroma_size: usize,
    /// As stride, of U V; 0: the same.
    pub chroma_stride: usize,
}

/// A mask in the result's memory: there until the result is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamMask {
    /// sizeof(EspmedsamMask), set by the caller.
    pub struct_size: usize,
    /// A byte for each pixel of the upright picture, row by row: 0 or 255.
    pub pixels: *const u8,
    /// Columns: the picture's.
    pub width: u32,
    /// Rows: the picture's.
    pub height: u32,
    /// Bytes from row to row.
    pub stride: usize,
}

/// What is known of a result. What is not is NAN.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamFacts {
    /// sizeof(EspmedsamFacts), set by the caller.
    pub struct_size: usize,
    /// Pixels of the mask. 0, "nothing found", is a result.
    pub area_px: u64,
    /// Share of the picture, 0 to 1.
    pub area_fraction: f64,
    /// Pieces of the mask, connected through the sides of pixels.
    pub regions: u64,
    /// The Dice to be expected of the mask, 0 to 1; NAN if there is none, or nothing is known.
    pub confidence: f64,
    /// The network's score of anything being there, 0 to 1; NAN if the model does not say.
    pub presence_score: f64,
    /// An EspmedsamPresence.
    pub presence: u32,
    /// An EspmedsamCheck.
    pub check: u32,
    /// Milliseconds from the call to the mask.
    pub total_ms: f64,
}

/// What became of the newest live frame that had its turn.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamSight {
    /// sizeof(EspmedsamSight), set by the caller.
    pub struct_size: usize,
    /// The caller's number of the frame.
    pub sequence: u64,
    /// Milliseconds since the frame was pushed.
    pub age_ms: f64,
    /// Its mask, to be freed; NULL if there is none, and the code says why.
    pub result: *mut EspmedsamResult,
}

/// What became of all frames of a live source; each is in one of the counts.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EspmedsamCounts {
    /// sizeof(EspmedsamCounts), set by the caller.
    pub struct_size: usize,
    /// All that were pushed.
    pub pushed: u64,
    /// Waiting or in work.
    pub under_way: u64,
    /// A newer one came before their turn.
    pub replaced: u64,
    /// They had a mask.
    pub computed: u64,
    /// They had an error.
    pub failed: u64,
}
