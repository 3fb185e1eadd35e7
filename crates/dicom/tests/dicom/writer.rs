//! Writes DICOM files, right and wrong ones: just enough for tests.

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Implicit,
    Explicit,
    BigEndian,
}

/// A data set as it grows.
#[derive(Clone)]
pub struct Writer {
    pub style: Style,
    pub bytes: Vec<u8>,
}

pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub const RLE: &str = "1.2.840.10008.1.2.5";
pub const JPEG: &str = "1.2.840.10008.1.2.4.50";
pub const LOSSLESS: &str = "1.2.840.10008.1.2.4.57";

impl Writer {
    pub fn new(style: Style) -> Self {
        Self {
            style,
            bytes: Vec::new(),
        }
    }

    fn u16(&self, v: u16) -> [u8; 2] {
        if self.style == Style::BigEndian {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    }

    fn u32(&self, v: u32) -> [u8; 4] {
        if self.style == Style::BigEndian {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    }

    pub fn tag(&mut self, tag: u32) -> &mut Self {
        for half in [tag >> 16, tag & 0xffff] {
            let half = self.u16(half as u16);
            self.bytes.extend(half);
        }
        self
    }

    /// A tag, its type and a length, true or not.
    pub fn head(&mut self, tag: u32, vr: &str, length: u32) -> &mut Self {
        self.tag(tag);
        let long = matches!(vr, "OB" | "OW" | "SQ" | "UN" | "UT" | "OV");
        match (self.style, long) {
            (Style::Implicit, _) => self.bytes.extend(length.to_le_bytes()),
            (_, true) => {
                let length = self.u32(length);
                self.bytes.extend(vr.as_bytes());
                self.bytes.extend([0, 0]);
                self.bytes.extend(length);
            }
            (_, false) => {
                let length = self.u16(length as u16);
                self.bytes.extend(vr.as_bytes());
                self.bytes.extend(length);
            }
        }
        self
    }

    pub fn raw(&mut self, tag: u32, vr: &str, value: &[u8]) -> &mut Self {
        let odd = value.len() % 2;
        self.head(tag, vr, (value.len() + odd) as u32);
        self.bytes.extend(value);
        self.bytes.extend(&[0][..odd]);
        self
    }

    pub fn text(&mut self, tag: u32, vr: &str, text: &str) -> &mut Self {
        let padded = if text.len() % 2 == 1 {
            format!("{text} ")
        } else {
            text.into()
        };
        self.raw(tag, vr, padded.as_bytes())
    }

    pub fn words(&mut self, tag: u32, vr: &str, words: &[u16]) -> &mut Self {
        let bytes: Vec<u8> = words.iter().flat_map(|v| self.u16(*v)).collect();
        self.raw(tag, vr, &bytes)
    }

    pub fn long(&mut self, tag: u32, v: u32) -> &mut Self {
        let bytes = self.u32(v);
        self.raw(tag, "UL", &bytes)
    }

    pub fn double(&mut self, tag: u32, v: f64) -> &mut Self {
        let bytes = if self.style == Style::BigEndian {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        };
        self.raw(tag, "FD", &bytes)
    }

    /// A sequence of these items, of stated length or delimited.
    pub fn sequence(&mut self, tag: u32, items: &[Writer], stated: bool) -> &mut Self {
        let mut inside = Self::new(self.style);
        for item in items {
            let length = if stated {
                item.bytes.len() as u32
            } else {
                u32::MAX
            };
            inside.tag(0xfffe_e000);
            let length = inside.u32(length);
            inside.bytes.extend(length);
            inside.bytes.extend(&item.bytes);
            if !stated {
                inside.tag(0xfffe_e00d);
                inside.bytes.extend([0; 4]);
            }
        }
        if !stated {
            inside.tag(0xfffe_e0dd);
            inside.bytes.extend([0; 4]);
        }
        let length = if stated {
            inside.bytes.len() as u32
        } else {
            u32::MAX
        };
        self.head(tag, "SQ", length);
        self.bytes.extend(inside.bytes);
        self
    }

    /// Pixel data in fragments, after a table of offsets.
    pub fn fragments(&mut self, offsets: &[u32], fragments: &[&[u8]]) -> &mut Self {
        self.head(0x7fe0_0010, "OB", u32::MAX);
        let table: Vec<u8> = offsets.iter().flat_map(|at| at.to_le_bytes()).collect();
        for fragment in std::iter::once(table.as_slice()).chain(fragments.iter().copied()) {
            let odd = fragment.len() % 2;
            self.tag(0xfffe_e000);
            self.bytes
                .extend(((fragment.len() + odd) as u32).to_le_bytes());
            self.bytes.extend(fragment);
            self.bytes.extend(&[0][..odd]);
        }
        self.tag(0xfffe_e0dd);
        self.bytes.extend([0; 4]);
        self
    }

    /// What every picture says of its pixels.
    pub fn pixels(&mut self, kind: &str, [columns, rows]: [u16; 2], bits: [u16; 2]) -> &mut Self {
        let grey = kind.starts_with("MONO") || kind.starts_with("PAL");
        self.words(0x0028_0002, "US", &[if grey { 1 } else { 3 }]);
        self.text(0x0028_0004, "CS", kind);
        self.words(0x0028_0010, "US", &[rows]);
        self.words(0x0028_0011, "US", &[columns]);
        self.words(0x0028_0100, "US", &[bits[0]]);
        self.words(0x0028_0101, "US", &[bits[1]]);
        self.words(0x0028_0102, "US", &[bits[1] - 1]);
        self.words(0x0028_0103, "US", &[0])
    }

    /// A whole file.
    pub fn file(&self) -> Vec<u8> {
        let syntax = match self.style {
            Style::Implicit => "1.2.840.10008.1.2",
            Style::Explicit => EXPLICIT,
            Style::BigEndian => "1.2.840.10008.1.2.2",
        };
        self.file_in(syntax)
    }

    /// A whole file in another transfer syntax.
    pub fn file_in(&self, syntax: &str) -> Vec<u8> {
        let mut meta = Self::new(Style::Explicit);
        let padded = if syntax.len() % 2 == 1 {
            format!("{syntax}\0")
        } else {
            syntax.into()
        };
        meta.raw(0x0002_0010, "UI", padded.as_bytes());
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        file.extend(meta.bytes);
        file.extend(&self.bytes);
        file
    }
}

/// A grey picture of 16 x 16, each sample its number.
pub fn ramp() -> Vec<u8> {
    (0..=255).collect()
}

/// A file with that picture, and what is put before its pixels.
pub fn small(style: Style, before: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new(style);
    writer.text(0x0008_0060, "CS", "US");
    before(&mut writer);
    writer.pixels("MONOCHROME2", [16, 16], [8, 8]);
    writer.raw(0x7fe0_0010, "OB", &ramp());
    writer.file()
}
