//! OpenIGTLink's messages: images with their place in the room, states, arrays of numbers; bytes and what they say.
//!
//! By the protocol's documents of version 3 (January 2017: header, image, status, NDArray), which versions 1 and 2 are read
//! by as well. [`MessageSplitter`] finds messages in a stream and is bounded before anything is taken; [`MessageBody`] checks
//! one; [`ImageMessage`], [`StatusMessage`] and [`ArrayMessage`] are what it may hold; [`OutMessage`] writes one. All of it over
//! borrowed bytes: no socket, no clock, no picture.
//!
//! Research use only. Not for clinical use.

mod array;
mod body;
mod crc;
mod fault;
mod fields;
mod header;
mod image;
mod name;
mod scalar;
mod splitter;
mod status;

pub use self::array::ArrayMessage;
pub use self::body::{MessageBody, Metadata, OutMessage};
pub use self::fault::IgtlFault;
pub use self::header::{HeaderVersion, IGTL_HEADER, IgtlHeader, IgtlStamp};
pub use self::image::{ImageMatrix, ImageMessage, ImagePart, WorldAxes};
pub use self::name::{DeviceName, IgtlName, TypeName};
pub use self::scalar::{ByteOrder, ScalarKind};
pub use self::splitter::{MessageSplitter, SplitBounds, SplitStep};
pub use self::status::{StatusCode, StatusMessage};

/// The port that servers listen on where nothing else is said, 3D Slicer's and PLUS's.
pub const IGTL_PORT: u16 = 18944;
