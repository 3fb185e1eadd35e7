//! Why an object is not written.

/// Why an object is not written. None of these says anything of whom it is of.
#[derive(Debug, thiserror::Error)]
pub enum DicomWriteError {
    /// More than an element can hold (PS3.5, 7.1.1), or more rows or columns than DICOM counts.
    #[error(
        "the object would be larger than DICOM allows: a picture has 65535 rows and columns at most, all of its frames 4 GiB"
    )]
    TooLarge,
    /// A frame of other size than the object's.
    #[error("a frame of {found:?} pixels does not belong into an object of {expected:?}")]
    OtherSize {
        /// Columns and rows of the object.
        expected: [u32; 2],
        /// Of the frame.
        found: [u32; 2],
    },
    /// Probabilities for a binary segmentation, or none for a fractional one.
    #[error("a segmentation is binary or fractional, in all of its frames")]
    OtherCoding,
    /// Probabilities that say something else than their mask does.
    #[error("the probabilities of a frame and its mask contradict each other")]
    Contradiction,
    /// Nothing to write.
    #[error("an object needs one {0} at least")]
    Nothing(&'static str),
    /// A frame of a segment that is not described.
    #[error("there is no segment {0}; they count from 1")]
    NoSuchSegment(u16),
    /// A measurement of a frame that the segmentation does not have.
    #[error("the segmentation has no mask of frame {0} of its source, counted from 0")]
    NoSuchFrame(u32),
    /// A picture of which nobody knows that it shows no name, where identity is to be removed.
    #[error(
        "the picture may have the patient's name drawn into it: ask for identity to be kept, or say that it shows none"
    )]
    MayShowIdentity,
    /// A number that is none.
    #[error("a measurement is not a finite number")]
    NotFinite,
    /// What it is written to failed.
    #[error("the object cannot be written: {0}")]
    Io(#[from] std::io::Error),
}
