//! The formats that are read: all that is said of them elsewhere follows from the table here. Who reads each is told in
//! the module above.

use super::magic::{Magic, begins};

/// What there is to know of a format.
struct Facts {
    name: &'static str,
    /// As registered with IANA.
    media_type: &'static str,
    /// Endings of file names, lower-case, the usual one first.
    endings: &'static [&'static str],
    begins: &'static [Magic],
    /// By which wish a page other than the first can be asked for.
    paged: Option<&'static str>,
}

/// DICOM part 10, 7.1: a preamble of 128 bytes that may hold anything, then its prefix.
#[cfg(feature = "dicom")]
const DICOM_PREFIX: Magic = &{
    let mut bytes = [b'?'; 132];
    (bytes[128], bytes[129], bytes[130], bytes[131]) = (b'D', b'I', b'C', b'M');
    bytes
};

macro_rules! formats {
    ($($(#[doc = $doc:literal])* $(#[cfg($condition:meta)])? $format:ident $facts:tt)*) => {
        /// The formats that are read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Format {
            $($(#[doc = $doc])* $(#[cfg($condition)])? $format,)*
        }

        impl Format {
            /// All of them, in the order in which they are named.
            pub const ALL: &[Self] = &[$($(#[cfg($condition)])? Self::$format),*];

            const fn facts(self) -> &'static Facts {
                match self {
                    $($(#[cfg($condition)])? Self::$format => &Facts $facts,)*
                }
            }
        }
    };
}

formats! {
    /// Portable Network Graphics (W3C PNG, third edition).
    Png {
        name: "PNG",
        media_type: "image/png",
        endings: &["png"],
        begins: &[b"\x89PNG\r\n\x1a\n"],
        paged: None,
    }
    /// JPEG (ITU-T T.81), in JFIF, EXIF or bare.
    Jpeg {
        name: "JPEG",
        media_type: "image/jpeg",
        endings: &["jpg", "jpeg", "jpe"],
        begins: &[b"\xff\xd8\xff"],
        paged: None,
    }
    /// Windows bitmap.
    Bmp {
        name: "BMP",
        media_type: "image/bmp",
        endings: &["bmp"],
        begins: &[b"BM"],
        paged: None,
    }
    /// TIFF 6.0 and BigTIFF.
    Tiff {
        name: "TIFF",
        media_type: "image/tiff",
        endings: &["tif", "tiff"],
        begins: &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"],
        paged: Some("page"),
    }
    /// WebP (RFC 9649).
    WebP {
        name: "WebP",
        media_type: "image/webp",
        endings: &["webp"],
        begins: &[b"RIFF????WEBP"],
        paged: None,
    }
    /// DICOM (PS3.10), which the crate `dicom` reads.
    #[cfg(feature = "dicom")]
    Dicom {
        name: "DICOM",
        media_type: "application/dicom",
        endings: &["dcm", "dicom"],
        begins: &[DICOM_PREFIX],
        paged: Some("frames"),
    }
}

impl Format {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Its media type, for a `Content-Type` or a file chooser.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        self.facts().media_type
    }

    /// Endings of its files' names, lower-case and without the dot, the usual one first.
    #[must_use]
    pub fn endings(self) -> &'static [&'static str] {
        self.facts().endings
    }

    /// The name of the wish by which a page other than the first can be asked for, if it can.
    #[must_use]
    pub fn paged_by(self) -> Option<&'static str> {
        self.facts().paged
    }

    /// The names of all, for a sentence: "PNG, JPEG, BMP, TIFF or WebP".
    #[must_use]
    pub fn names_in_words() -> String {
        let names: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// The format that begins like these bytes.
    pub(super) fn beginning(bytes: &[u8]) -> Option<Self> {
        let fits = |format: &&Self| {
            format
                .facts()
                .begins
                .iter()
                .any(|magic| begins(bytes, magic))
        };
        Self::ALL.iter().find(fits).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_all_that_tells_them() {
        for (i, format) in Format::ALL.iter().enumerate() {
            for magic in format.facts().begins {
                assert_eq!(Format::beginning(magic), Some(*format), "{magic:?}");
                assert_eq!(
                    Format::beginning(&magic[..magic.len() - 1]),
                    None,
                    "{magic:?}"
                );
            }
            assert!(!format.endings().is_empty());
            for other in &Format::ALL[i + 1..] {
                assert_ne!(format.name(), other.name());
                assert_ne!(format.media_type(), other.media_type());
                let shared = |ending| other.endings().contains(ending);
                assert!(
                    !format.endings().iter().any(shared),
                    "{format:?}, {other:?}"
                );
            }
        }
        assert_eq!(Format::beginning(b"MM\0\x2b\0\x08\0\0"), Some(Format::Tiff));
        assert_eq!(Format::beginning(b"RIFF\x10\0\0\0WAVEfmt "), None);
    }

    #[test]
    fn their_names_make_a_sentence() {
        let expected = match cfg!(feature = "dicom") {
            true => "PNG, JPEG, BMP, TIFF, WebP or DICOM",
            false => "PNG, JPEG, BMP, TIFF or WebP",
        };
        assert_eq!(Format::names_in_words(), expected);
    }
}
