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
    /// Whether a page other than the first can be asked for.
    paged: bool,
}

macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident $facts:tt)*) => {
        /// The formats that are read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Format {
            $($(#[$doc])* $format,)*
        }

        impl Format {
            /// All of them, in the order in which they are named.
            pub const ALL: &[Self] = &[$(Self::$format),*];

            const fn facts(self) -> &'static Facts {
                match self {
                    $(Self::$format => &Facts $facts,)*
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
        paged: false,
    }
    /// JPEG (ITU-T T.81), in JFIF, EXIF or bare.
    Jpeg {
        name: "JPEG",
        media_type: "image/jpeg",
        endings: &["jpg", "jpeg", "jpe"],
        begins: &[b"\xff\xd8\xff"],
        paged: false,
    }
    /// Windows bitmap.
    Bmp {
        name: "BMP",
        media_type: "image/bmp",
        endings: &["bmp"],
        begins: &[b"BM"],
        paged: false,
    }
    /// TIFF 6.0 and BigTIFF.
    Tiff {
        name: "TIFF",
        media_type: "image/tiff",
        endings: &["tif", "tiff"],
        begins: &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"],
        paged: true,
    }
    /// WebP (RFC 9649).
    WebP {
        name: "WebP",
        media_type: "image/webp",
        endings: &["webp"],
        begins: &[b"RIFF????WEBP"],
        paged: false,
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

    /// Whether a page other than the first can be asked for.
    #[must_use]
    pub fn is_paged(self) -> bool {
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
        assert_eq!(Format::names_in_words(), "PNG, JPEG, BMP, TIFF or WebP");
    }
}
