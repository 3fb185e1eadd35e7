//! Transfer syntaxes (PS3.5, 10 and A; PS3.6, A): how a data set is written, and how its pixels are coded.

use crate::error::DicomError;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferSyntax {
    uid: &'static str,
    /// Its name in PS3.6.
    pub name: &'static str,
    /// How its pixels are coded; `None` if that is not read here.
    pub(crate) coding: Option<Coding>,
    pub(crate) writing: Writing,
}

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Writing {
    pub explicit: bool,
    pub big_endian: bool,
    pub deflated: bool,
}

const EXPLICIT: Writing = Writing {
    explicit: true,
    big_endian: false,
    deflated: false,
};
const IMPLICIT: Writing = Writing {
    explicit: false,
    ..EXPLICIT
};
const BIG_ENDIAN: Writing = Writing {
    big_endian: true,
    ..EXPLICIT
};
const DEFLATED: Writing = Writing {
    deflated: true,
    ..EXPLICIT
};

/// How pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As they are, one frame after the other.
    Native,
    /// As they are, each frame in fragments.
    Encapsulated,
    /// Each frame deflated.
    DeflatedFrame,
    /// PS3.5, G.
    Rle,
    /// JPEG by cosines, 8 bits (T.81).
    JpegDct,
    /// JPEG without loss (T.81, H).
    JpegLossless,
    /// T.87.
    JpegLs,
    /// T.800.
    Jpeg2000,
}

const fn read(
    uid: &'static str,
    name: &'static str,
    writing: Writing,
    coding: Coding,
) -> TransferSyntax {
    TransferSyntax {
        uid,
        name,
        coding: Some(coding),
        writing,
    }
}

const fn refused(uid: &'static str, name: &'static str) -> TransferSyntax {
    TransferSyntax {
        uid,
        name,
        coding: None,
        writing: EXPLICIT,
    }
}

#[rustfmt::skip]
const SYNTAXES: [TransferSyntax; 41] = [
    read("1.2.840.10008.1.2", "Implicit VR Little Endian", IMPLICIT, Coding::Native),
    read("1.2.840.10008.1.2.1", "Explicit VR Little Endian", EXPLICIT, Coding::Native),
    read("1.2.840.10008.1.2.1.98", "Encapsulated Uncompressed Explicit VR Little Endian", EXPLICIT, Coding::Encapsulated),
    read("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", DEFLATED, Coding::Native),
    read("1.2.840.10008.1.2.2", "Explicit VR Big Endian", BIG_ENDIAN, Coding::Native),
    read("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", EXPLICIT, Coding::JpegDct),
    read("1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 & 4)", EXPLICIT, Coding::JpegDct),
    refused("1.2.840.10008.1.2.4.52", "JPEG Extended (Process 3 & 5, arithmetic)"),
    refused("1.2.840.10008.1.2.4.53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8)"),
    refused("1.2.840.10008.1.2.4.54", "JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9, arithmetic)"),
    read("1.2.840.10008.1.2.4.55", "JPEG Full Progression, Non-Hierarchical (Process 10 & 12)", EXPLICIT, Coding::JpegDct),
    refused("1.2.840.10008.1.2.4.56", "JPEG Full Progression, Non-Hierarchical (Process 11 & 13, arithmetic)"),
    read("1.2.840.10008.1.2.4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", EXPLICIT, Coding::JpegLossless),
    refused("1.2.840.10008.1.2.4.58", "JPEG Lossless, Non-Hierarchical (Process 15, arithmetic)"),
    read("1.2.840.10008.1.2.4.70", "JPEG Lossless, First-Order Prediction (Process 14, Selection Value 1)", EXPLICIT, Coding::JpegLossless),
    read("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", EXPLICIT, Coding::JpegLs),
    read("1.2.840.10008.1.2.4.81", "JPEG-LS Lossy (Near-Lossless)", EXPLICIT, Coding::JpegLs),
    read("1.2.840.10008.1.2.4.90", "JPEG 2000 (Lossless Only)", EXPLICIT, Coding::Jpeg2000),
    read("1.2.840.10008.1.2.4.91", "JPEG 2000", EXPLICIT, Coding::Jpeg2000),
    refused("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)"),
    refused("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2 Multi-component"),
    refused("1.2.840.10008.1.2.4.94", "JPIP Referenced (its pixels lie on a server)"),
    refused("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate (its pixels lie on a server)"),
    refused("1.2.840.10008.1.2.4.100", "MPEG-2 video, Main Profile / Main Level"),
    refused("1.2.840.10008.1.2.4.100.1", "MPEG-2 video, Main Profile / Main Level (fragmentable)"),
    refused("1.2.840.10008.1.2.4.101", "MPEG-2 video, Main Profile / High Level"),
    refused("1.2.840.10008.1.2.4.101.1", "MPEG-2 video, Main Profile / High Level (fragmentable)"),
    refused("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 video, High Profile / Level 4.1"),
    refused("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 video, BD-compatible"),
    refused("1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 video, High Profile / Level 4.2 for 2D"),
    refused("1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 video, High Profile / Level 4.2 for 3D"),
    refused("1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 video, Stereo High Profile"),
    refused("1.2.840.10008.1.2.4.107", "HEVC/H.265 video, Main Profile"),
    refused("1.2.840.10008.1.2.4.108", "HEVC/H.265 video, Main 10 Profile"),
    refused("1.2.840.10008.1.2.4.110", "JPEG XL Lossless"),
    refused("1.2.840.10008.1.2.4.112", "JPEG XL"),
    refused("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (Lossless Only)"),
    refused("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)"),
    refused("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000"),
    read("1.2.840.10008.1.2.5", "RLE Lossless", EXPLICIT, Coding::Rle),
    read("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", EXPLICIT, Coding::DeflatedFrame),
];

impl TransferSyntax {
    /// Of a file's UID.
    pub(crate) fn of(uid: &str) -> Result<Self, DicomError> {
        let found = SYNTAXES.iter().find(|syntax| syntax.uid == uid);
        found.copied().ok_or(DicomError::UnknownSyntax)
    }

    /// How its pixels are coded.
    pub(crate) fn coding(self) -> Result<Coding, DicomError> {
        self.coding.ok_or(DicomError::Coding(self.name))
    }

    /// The UIDs of those whose pictures are read here.
    pub fn readable() -> impl Iterator<Item = &'static str> {
        let read = SYNTAXES.iter().filter(|syntax| syntax.coding.is_some());
        read.map(|syntax| syntax.uid)
    }

    /// Every transfer syntax that is known by name: which, and whether its pictures are read.
    pub fn all() -> impl Iterator<Item = (&'static str, bool)> {
        (SYNTAXES.iter()).map(|syntax| (syntax.name, syntax.coding.is_some()))
    }
}
