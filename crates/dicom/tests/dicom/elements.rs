//! Reads what was written, by the letter of PS3.5: explicit, little-endian, every length said and even, every tag above the one
//! before. For tests: what is wrong, panics.

/// An element, and what stands in it.
#[derive(Debug)]
pub struct Element {
    pub tag: u32,
    pub vr: String,
    pub value: Vec<u8>,
    pub items: Vec<Vec<Element>>,
}

/// The elements of a file, the meta information's first.
pub fn of_file(bytes: &[u8]) -> Vec<Element> {
    assert!(bytes[..128].iter().all(|byte| *byte == 0));
    assert_eq!(&bytes[128..132], b"DICM");
    let all = elements(&bytes[132..]);
    let meta: usize = (all.iter().filter(|of| of.tag >> 16 == 2).skip(1))
        .map(|of| of.value.len() + if of.vr == "OB" { 12 } else { 8 })
        .sum();
    assert_eq!(all[0].tag, 0x0002_0000);
    assert_eq!(all[0].value, (meta as u32).to_le_bytes());
    all
}

fn elements(mut bytes: &[u8]) -> Vec<Element> {
    let mut all: Vec<Element> = Vec::new();
    while !bytes.is_empty() {
        let tag = tag(bytes);
        assert!(all.last().is_none_or(|last| last.tag < tag), "{tag:08x}");
        let vr = String::from_utf8(bytes[4..6].to_vec()).unwrap();
        let (length, start) = match vr.as_str() {
            "OB" | "SQ" | "UC" | "UT" => {
                assert_eq!(bytes[6..8], [0, 0]);
                (long(&bytes[8..]), 12)
            }
            _ => (u16::from_le_bytes([bytes[6], bytes[7]]) as usize, 8),
        };
        assert_eq!(length % 2, 0, "{tag:08x}");
        let value = bytes[start..start + length].to_vec();
        bytes = &bytes[start + length..];
        let items = if vr == "SQ" {
            items(&value)
        } else {
            Vec::new()
        };
        all.push(Element {
            tag,
            vr,
            value,
            items,
        });
    }
    all
}

fn items(mut bytes: &[u8]) -> Vec<Vec<Element>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        assert_eq!(tag(bytes), 0xfffe_e000);
        let length = long(&bytes[4..]);
        all.push(elements(&bytes[8..8 + length]));
        bytes = &bytes[8 + length..];
    }
    all
}

fn tag(bytes: &[u8]) -> u32 {
    let half = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    half(0) << 16 | half(2)
}

fn long(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
}

/// One of them.
pub fn find(all: &[Element], tag: u32) -> Option<&Element> {
    all.iter().find(|of| of.tag == tag)
}

/// A value as text, without what it is filled up with.
pub fn text(all: &[Element], tag: u32) -> String {
    let value = &find(all, tag)
        .unwrap_or_else(|| panic!("no {tag:08x}"))
        .value;
    let text = String::from_utf8_lossy(value);
    text.trim_end_matches(['\0', ' ']).to_owned()
}

/// The only item of the only item of ... these sequences.
pub fn within<'a>(all: &'a [Element], path: &[u32]) -> &'a [Element] {
    path.iter().fold(all, |all, tag| {
        let items = &find(all, *tag)
            .unwrap_or_else(|| panic!("no {tag:08x}"))
            .items;
        assert_eq!(items.len(), 1, "{tag:08x}");
        &items[0]
    })
}
