//! DICOM files whose pixels are known: explicit VR little endian, 8-bit grey, no more than a reader needs.

/// Ultrasound Multi-frame.
const CLASS: &str = "1.2.840.10008.5.1.4.1.1.3.1";

/// A file to be written.
pub struct DicomSketch<'a> {
    /// Columns and rows.
    pub size: [u16; 2],
    /// Frames.
    pub frames: u32,
    /// Its modality, as DICOM has it.
    pub modality: &'a str,
    /// Ultrasound regions of tissue (PS3.3, C.8.5.5): first column and row, last column and row, mm per pixel.
    pub regions: &'a [([u32; 4], f64)],
    /// Other elements: tag, VR, text.
    pub more: &'a [(u32, &'a str, &'a str)],
}

impl DicomSketch<'_> {
    /// The file; `pixel` tells the grey of a frame, column and row.
    ///
    /// # Panics
    /// If a value is too long for an element.
    pub fn write(&self, pixel: impl Fn(u32, u32, u32) -> u8) -> Vec<u8> {
        self.write_as("1.2.3.4", pixel)
    }

    /// The same, by another SOP Instance UID.
    ///
    /// # Panics
    /// As [`DicomSketch::write`].
    pub fn write_as(&self, instance: &str, pixel: impl Fn(u32, u32, u32) -> u8) -> Vec<u8> {
        let [width, height] = self.size.map(u32::from);
        let text = |tag, vr, text: &str| (tag, element(tag, vr, &padded(text, vr)));
        let word = |tag, value: u16| (tag, element(tag, "US", &value.to_le_bytes()));
        let at = |i: u32| pixel(i / (width * height), i % width, i / width % height);
        let mut pixels: Vec<u8> = (0..self.frames * width * height).map(at).collect();
        pixels.resize(pixels.len().next_multiple_of(2), 0);
        let mut elements = vec![
            text(0x0008_0016, "UI", CLASS),
            text(0x0008_0018, "UI", instance),
            text(0x0008_0060, "CS", self.modality),
            word(0x0028_0002, 1),
            text(0x0028_0004, "CS", "MONOCHROME2"),
            text(0x0028_0008, "IS", &self.frames.to_string()),
            word(0x0028_0010, self.size[1]),
            word(0x0028_0011, self.size[0]),
            word(0x0028_0100, 8),
            word(0x0028_0101, 8),
            word(0x0028_0102, 7),
            word(0x0028_0103, 0),
            (0x7fe0_0010, element(0x7fe0_0010, "OB", &pixels)),
        ];
        if !self.regions.is_empty() {
            let items: Vec<u8> = self
                .regions
                .iter()
                .flat_map(|of| item(&region(*of)))
                .collect();
            elements.push((0x0018_6011, element(0x0018_6011, "SQ", &items)));
        }
        elements.extend(
            self.more
                .iter()
                .map(|(tag, vr, value)| text(*tag, vr, value)),
        );
        elements.sort_by_key(|(tag, _)| *tag);
        let data: Vec<u8> = elements.into_iter().flat_map(|(_, bytes)| bytes).collect();
        part_10([CLASS, instance], &data)
    }
}

/// A DICOMDIR that lists these files, each a path of names.
#[must_use]
pub fn dicomdir(files: &[&[&str]]) -> Vec<u8> {
    let record =
        |path: &&[&str]| item(&element(0x0004_1500, "CS", &padded(&path.join("\\"), "CS")));
    // As a real one, it begins with a record that is no file's.
    let mut items = item(&element(0x0004_1430, "CS", b"PATIENT "));
    items.extend(files.iter().flat_map(record));
    let listing = ["1.2.840.10008.1.3.10", "1.2.3.5"];
    part_10(listing, &element(0x0004_1220, "SQ", &items))
}

fn part_10([class, instance]: [&str; 2], data: &[u8]) -> Vec<u8> {
    let uid = |tag, uid| element(tag, "UI", &padded(uid, "UI"));
    let meta = [
        uid(0x0002_0002, class),
        uid(0x0002_0003, instance),
        uid(0x0002_0010, "1.2.840.10008.1.2.1"),
    ]
    .concat();
    let length = u32::try_from(meta.len()).unwrap().to_le_bytes();
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    file.extend(element(0x0002_0000, "UL", &length));
    file.extend(meta);
    file.extend(data);
    file
}

fn region(([x0, y0, x1, y1], mm): ([u32; 4], f64)) -> Vec<u8> {
    let word = |tag, value: u16| element(tag, "US", &value.to_le_bytes());
    let long = |tag, value: u32| element(tag, "UL", &value.to_le_bytes());
    let double = |tag, value: f64| element(tag, "FD", &value.to_le_bytes());
    // Of tissue, in two dimensions, in centimetres.
    [
        word(0x0018_6012, 1),
        word(0x0018_6014, 1),
        long(0x0018_6018, x0),
        long(0x0018_601a, y0),
        long(0x0018_601c, x1),
        long(0x0018_601e, y1),
        word(0x0018_6024, 3),
        word(0x0018_6026, 3),
        double(0x0018_602c, mm / 10.0),
        double(0x0018_602e, mm / 10.0),
    ]
    .concat()
}

fn padded(text: &str, vr: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(if vr == "UI" { 0 } else { b' ' });
    }
    bytes
}

fn item(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&[0xfe, 0xff, 0x00, 0xe0], &length[..], content].concat()
}

/// PS3.5, 7.1.2.
fn element(tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let [group, number] = [(tag >> 16) as u16, tag as u16].map(u16::to_le_bytes);
    let length = u32::try_from(value.len()).unwrap();
    let length = match vr {
        "OB" | "SQ" => [&[0, 0], &length.to_le_bytes()[..]].concat(),
        _ => u16::try_from(length).unwrap().to_le_bytes().to_vec(),
    };
    [&group, &number, vr.as_bytes(), &length, value].concat()
}
