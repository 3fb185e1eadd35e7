//! What people send by mistake, or from programs of other habits: named when it is refused, with what to do instead.

use super::error::FrameError;
use super::magic::{Magic, begins};

const AS_PNG: &str = "save the picture as PNG and send that";
const ONE_FRAME: &str = "save one frame as PNG and send that";
const EXPORTED: &str = "export the frame as PNG and send that";
const UNCODED: &str = "send the file's own bytes, not a text form of them";
const UNPACKED: &str = "unpack it and send the picture inside";

/// Its name with article, its first bytes, what to do. The first that fits counts.
const FOREIGN: [(&str, Magic, &str); 30] = [
    ("a GIF", b"GIF8", ONE_FRAME),
    ("a HEIC picture", b"????ftyphe", AS_PNG),
    ("a HEIF picture", b"????ftypmif1", AS_PNG),
    ("an AVIF picture", b"????ftypavi", AS_PNG),
    ("a JPEG 2000 picture", b"????jP  ", AS_PNG),
    ("a JPEG 2000 codestream", b"\xff\x4f\xff\x51", AS_PNG),
    ("a JPEG XL picture", b"????JXL ", AS_PNG),
    ("a JPEG XL codestream", b"\xff\x0a", AS_PNG),
    ("an MP4 or QuickTime video", b"????ftyp", ONE_FRAME),
    ("a Matroska or WebM video", b"\x1a\x45\xdf\xa3", ONE_FRAME),
    ("an AVI video", b"RIFF????AVI ", ONE_FRAME),
    (
        "a PDF document",
        b"%PDF",
        "save the page or the picture in it as PNG and send that",
    ),
    ("gzip-compressed data", b"\x1f\x8b", UNPACKED),
    ("a ZIP archive", b"PK\x03\x04", UNPACKED),
    ("a Photoshop document", b"8BPS", AS_PNG),
    ("a PNM picture", b"P5\n", AS_PNG),
    ("a PNM picture", b"P6\n", AS_PNG),
    ("an OpenEXR picture", b"\x76\x2f\x31\x01", AS_PNG),
    (
        "a NIfTI volume",
        b"\x5c\x01\0\0",
        "save one slice as PNG and send that",
    ),
    ("a NumPy array", b"\x93NUMPY", AS_PNG),
    ("base64 text of a PNG", b"iVBORw0K", UNCODED),
    ("base64 text of a JPEG", b"/9j/", UNCODED),
    ("base64 text of a WebP", b"UklGR", UNCODED),
    ("base64 text of a TIFF", b"SUkq", UNCODED),
    ("base64 text of a TIFF", b"TU0A", UNCODED),
    ("a data: URL", b"data:", UNCODED),
    (
        "a JSON text",
        b"{",
        "send the picture file itself, or multipart/form-data with the field `image`",
    ),
    ("an XML, SVG or HTML text", b"<", AS_PNG),
    (
        "multipart data",
        b"--",
        "say Content-Type: multipart/form-data with its boundary",
    ),
    ("DICOM data without its preamble", b"\x08\0?\0", EXPORTED),
];

/// The refusal of a file that is of none of the formats read.
pub(super) fn refusal(bytes: &[u8]) -> FrameError {
    // DICOM part 10, 7.1: a preamble of 128 bytes that may hold anything, then its prefix.
    if bytes.get(128..132) == Some(b"DICM") {
        return named("a DICOM file", EXPORTED);
    }
    let known = FOREIGN.iter().find(|(_, magic, _)| begins(bytes, magic));
    known.map_or(FrameError::UnknownFormat, |(name, _, advice)| {
        named(name, advice)
    })
}

/// The refusal of a JPEG-LS (ISO 14495-1, C.1.1), which shows only at its frame header: the wrapping is a JPEG's.
pub(super) fn jpeg_ls() -> FrameError {
    named("a JPEG-LS picture", AS_PNG)
}

/// The refusal of DICOM where picture files alone are read: [`super::Undecoded`] is its way in.
#[cfg(feature = "dicom")]
pub(super) fn dicom<T>(_: &super::file::File<'_>) -> Result<T, FrameError> {
    Err(named("a DICOM file", EXPORTED))
}

fn named(format: &'static str, advice: &'static str) -> FrameError {
    FrameError::Foreign { format, advice }
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
            match refusal(bytes) {
                FrameError::Foreign { format, advice } => {
                    assert_eq!(format, name);
                    assert!(advice.len() > 10);
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        for bytes in [&b"hello"[..], b"\0\0\0\0\0\0\0\0", b"BN"] {
            assert_eq!(refusal(bytes), FrameError::UnknownFormat);
        }
    }

    #[test]
    fn none_hides_behind_an_earlier_one() {
        for (i, (name, magic, _)) in FOREIGN.iter().enumerate() {
            let first = FOREIGN
                .iter()
                .position(|(_, other, _)| begins(magic, other));
            assert_eq!(first, Some(i), "{name}");
        }
    }
}
