//! Which format a file is of, by its first bytes and never by its name.

use super::FrameError;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics (W3C PNG, third edition).
    Png,
    /// JPEG (ITU-T T.81), in JFIF, EXIF or bare.
    Jpeg,
    /// Windows bitmap.
    Bmp,
    /// TIFF 6.0 and BigTIFF.
    Tiff,
    /// WebP (RFC 9649).
    WebP,
}

/// A format's first bytes, `_` for any.
type Magic = &'static [Option<u8>];

macro_rules! magic {
    (@byte _) => { None };
    (@byte $byte:literal) => { Some($byte) };
    ($($byte:tt)*) => { &[$(magic!(@byte $byte)),*] };
}

const READ: [(Format, Magic); 7] = [
    (Format::Png, magic!(0x89 b'P' b'N' b'G' 0x0d 0x0a 0x1a 0x0a)),
    (Format::Jpeg, magic!(0xff 0xd8 0xff)),
    (Format::Bmp, magic!(b'B' b'M')),
    (Format::Tiff, magic!(b'I' b'I' 42 0)),
    (Format::Tiff, magic!(b'M' b'M' 0 42)),
    (
        Format::WebP,
        magic!(b'R' b'I' b'F' b'F' _ _ _ _ b'W' b'E' b'B' b'P'),
    ),
    // BigTIFF; its other byte order is told apart in `of`.
    (Format::Tiff, magic!(b'I' b'I' 43 0)),
];

const AS_PNG: &str = "save the picture as PNG and send that";
const ONE_FRAME: &str = "save one frame as PNG and send that";
const UNCODED: &str = "send the file's own bytes, not a text form of them";
const UNPACKED: &str = "unpack it and send the picture inside";

/// What people send by mistake, or from programs of other habits.
const FOREIGN: [(&str, Magic, &str); 30] = [
    ("a GIF", magic!(b'G' b'I' b'F' b'8'), ONE_FRAME),
    (
        "a HEIC picture",
        magic!(_ _ _ _ b'f' b't' b'y' b'p' b'h' b'e'),
        AS_PNG,
    ),
    (
        "a HEIF picture",
        magic!(_ _ _ _ b'f' b't' b'y' b'p' b'm' b'i' b'f' b'1'),
        AS_PNG,
    ),
    (
        "an AVIF picture",
        magic!(_ _ _ _ b'f' b't' b'y' b'p' b'a' b'v' b'i'),
        AS_PNG,
    ),
    (
        "a JPEG 2000 picture",
        magic!(_ _ _ _ b'j' b'P' b' ' b' '),
        AS_PNG,
    ),
    (
        "a JPEG 2000 codestream",
        magic!(0xff 0x4f 0xff 0x51),
        AS_PNG,
    ),
    (
        "a JPEG XL picture",
        magic!(_ _ _ _ b'J' b'X' b'L' b' '),
        AS_PNG,
    ),
    ("a JPEG XL codestream", magic!(0xff 0x0a), AS_PNG),
    (
        "an MP4 or QuickTime video",
        magic!(_ _ _ _ b'f' b't' b'y' b'p'),
        ONE_FRAME,
    ),
    (
        "a Matroska or WebM video",
        magic!(0x1a 0x45 0xdf 0xa3),
        ONE_FRAME,
    ),
    (
        "an AVI video",
        magic!(b'R' b'I' b'F' b'F' _ _ _ _ b'A' b'V' b'I' b' '),
        ONE_FRAME,
    ),
    (
        "a PDF document",
        magic!(b'%' b'P' b'D' b'F'),
        "save the page or the picture in it as PNG and send that",
    ),
    ("gzip-compressed data", magic!(0x1f 0x8b), UNPACKED),
    ("a ZIP archive", magic!(b'P' b'K' 3 4), UNPACKED),
    ("a Photoshop document", magic!(b'8' b'B' b'P' b'S'), AS_PNG),
    ("a PNM picture", magic!(b'P' b'5' 0x0a), AS_PNG),
    ("a PNM picture", magic!(b'P' b'6' 0x0a), AS_PNG),
    ("an OpenEXR picture", magic!(0x76 0x2f 0x31 0x01), AS_PNG),
    (
        "a NIfTI volume",
        magic!(0x5c 0x01 0x00 0x00),
        "save one slice as PNG and send that",
    ),
    (
        "a NumPy array",
        magic!(0x93 b'N' b'U' b'M' b'P' b'Y'),
        AS_PNG,
    ),
    (
        "base64 text of a PNG",
        magic!(b'i' b'V' b'B' b'O' b'R' b'w' b'0' b'K'),
        UNCODED,
    ),
    (
        "base64 text of a JPEG",
        magic!(b'/' b'9' b'j' b'/'),
        UNCODED,
    ),
    (
        "base64 text of a WebP",
        magic!(b'U' b'k' b'l' b'G' b'R'),
        UNCODED,
    ),
    (
        "base64 text of a TIFF",
        magic!(b'S' b'U' b'k' b'q'),
        UNCODED,
    ),
    (
        "base64 text of a TIFF",
        magic!(b'T' b'U' b'0' b'A'),
        UNCODED,
    ),
    ("a data: URL", magic!(b'd' b'a' b't' b'a' b':'), UNCODED),
    (
        "a JSON text",
        magic!(b'{'),
        "send the picture file itself, or multipart/form-data with the field `image`",
    ),
    ("an XML, SVG or HTML text", magic!(b'<'), AS_PNG),
    (
        "multipart data",
        magic!(b'-' b'-'),
        "say Content-Type: multipart/form-data with its boundary",
    ),
    (
        "DICOM data without its preamble",
        magic!(0x08 0x00 _ 0x00),
        "export the frame as PNG and send that",
    ),
];

impl Format {
    /// All of them, in words.
    pub const NAMES: &'static str = "PNG, JPEG, BMP, TIFF or WebP";

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
        }
    }

    /// The format of a file's bytes.
    ///
    /// # Errors
    /// [`FrameError::Empty`], [`FrameError::Foreign`], [`FrameError::UnknownFormat`].
    pub fn of(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.is_empty() {
            return Err(FrameError::Empty);
        }
        if let Some((format, _)) = READ.iter().find(|(_, magic)| begins(bytes, magic)) {
            return Ok(*format);
        }
        if begins(bytes, magic!(b'M' b'M' 0 43)) {
            return Ok(Self::Tiff);
        }
        // DICOM part 10, 7.1: a preamble of 128 bytes that may hold anything, then its prefix.
        if bytes.get(128..132) == Some(b"DICM") {
            return Err(FrameError::Foreign {
                format: "a DICOM file",
                advice: "export the frame as PNG and send that",
            });
        }
        let foreign = FOREIGN.iter().find(|(_, magic, _)| begins(bytes, magic));
        Err(match foreign {
            Some((format, _, advice)) => FrameError::Foreign { format, advice },
            None => FrameError::UnknownFormat,
        })
    }
}

fn begins(bytes: &[u8], magic: Magic) -> bool {
    let mut pairs = magic.iter().zip(bytes);
    bytes.len() >= magic.len() && pairs.all(|(wanted, byte)| wanted.is_none_or(|w| w == *byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_formats_are_named_and_told_what_to_do() {
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM\x02\0\0\0UL");
        for (bytes, name) in [
            (&b"GIF89a\x10\0\x10\0"[..], "a GIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0", "a HEIF picture"),
            (b"\0\0\0\x20ftypavif\0\0\0\0", "an AVIF picture"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", "an MP4 or QuickTime video"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
            (b"\xff\x0a\xfa\x1f", "a JPEG XL codestream"),
            (b"%PDF-1.7", "a PDF document"),
            (b"\x1f\x8b\x08\0", "gzip-compressed data"),
            (b"iVBORw0KGgoAAAANSUhEUg", "base64 text of a PNG"),
            (b"data:image/png;base64,iVBOR", "a data: URL"),
            (&dicom, "a DICOM file"),
        ] {
            match Format::of(bytes) {
                Err(FrameError::Foreign { format, advice }) => {
                    assert_eq!(format, name);
                    assert!(advice.len() > 10);
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        for bytes in [&b"hello"[..], b"\0\0\0\0\0\0\0\0", b"BN"] {
            assert_eq!(Format::of(bytes), Err(FrameError::UnknownFormat));
        }
        assert_eq!(Format::of(b"MM\0\x2b\0\x08\0\0"), Ok(Format::Tiff));
    }
}
