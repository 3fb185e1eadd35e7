//! A TIFF writer that writes whatever it is told.

/// A page to be written: its tags, and the bytes of its strips or tiles.
#[derive(Clone, Default)]
pub struct TiffPage {
    /// Tag and numbers; written as LONG, as SHORT where `short` says so.
    pub tags: Vec<(u16, Vec<u32>)>,
    pub chunks: Vec<Vec<u8>>,
    pub tiled: bool,
}

#[derive(Clone, Copy)]
pub struct TiffWriter {
    pub big: bool,
    pub big_endian: bool,
}

pub const PLAIN: TiffWriter = TiffWriter {
    big: false,
    big_endian: false,
};

impl TiffPage {
    /// 8-bit grey in one strip, uncompressed.
    pub fn grey(width: u32, height: u32, pixels: &[u8]) -> Self {
        let tags = [
            (256, width),
            (257, height),
            (258, 8),
            (259, 1),
            (262, 1),
            (277, 1),
            (278, height),
        ];
        Self {
            tags: tags.map(|(tag, value)| (tag, vec![value])).into(),
            chunks: vec![pixels.into()],
            tiled: false,
        }
    }

    /// Sets a tag.
    pub fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.tags.retain(|(own, _)| *own != tag);
        self.tags.push((tag, values.into()));
        self
    }

    pub fn in_chunks(mut self, chunks: Vec<Vec<u8>>) -> Self {
        self.chunks = chunks;
        self
    }
}

impl TiffWriter {
    pub fn put(self, out: &mut Vec<u8>, value: u64, length: usize) {
        let bytes = value.to_be_bytes();
        let bytes = &bytes[8 - length..];
        match self.big_endian {
            true => out.extend(bytes),
            false => out.extend(bytes.iter().rev()),
        }
    }

    /// The file: header, then for each page its chunks, its longer values, its directory.
    pub fn file(self, pages: &[TiffPage]) -> Vec<u8> {
        let word = if self.big { 8 } else { 4 };
        let mut out: Vec<u8> = if self.big_endian {
            b"MM".into()
        } else {
            b"II".into()
        };
        match self.big {
            true => {
                self.put(&mut out, 43, 2);
                self.put(&mut out, 8, 2);
                self.put(&mut out, 0, 2);
            }
            false => self.put(&mut out, 42, 2),
        }
        let mut link = out.len();
        self.put(&mut out, 0, word);
        for page in pages {
            let mut tags = page.tags.clone();
            let (mut offsets, mut counts) = (Vec::new(), Vec::new());
            for chunk in &page.chunks {
                offsets.push(out.len() as u32);
                counts.push(chunk.len() as u32);
                out.extend(chunk);
            }
            let (at, of) = if page.tiled { (324, 325) } else { (273, 279) };
            tags.extend([(at, offsets), (of, counts)]);
            tags.sort();
            let mut directory = Vec::new();
            self.put(
                &mut directory,
                tags.len() as u64,
                if self.big { 8 } else { 2 },
            );
            for (tag, values) in &tags {
                // JPEGTables are bytes.
                let (kind, each) = if *tag == 347 { (7, 1) } else { (4, 4) };
                self.put(&mut directory, (*tag).into(), 2);
                self.put(&mut directory, kind, 2);
                self.put(&mut directory, values.len() as u64, word);
                let mut bytes = Vec::new();
                values
                    .iter()
                    .for_each(|v| self.put(&mut bytes, (*v).into(), each));
                match bytes.len() <= word {
                    true => {
                        bytes.resize(word, 0);
                        directory.extend(bytes);
                    }
                    false => {
                        self.put(&mut directory, out.len() as u64, word);
                        out.extend(bytes);
                    }
                }
            }
            let mut place = Vec::new();
            self.put(&mut place, out.len() as u64, word);
            out[link..link + word].copy_from_slice(&place);
            out.extend(directory);
            link = out.len();
            self.put(&mut out, 0, word);
        }
        out
    }
}
