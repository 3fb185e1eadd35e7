//! COCO's run lengths.

use picture::mask::rle::Rle;

/// A text is a mask of its size, or an error; what is a mask is written and read back the same.
///
/// The first two bytes are height and width less one, the rest is the text.
pub fn check(data: &[u8]) {
    let [height, width, text @ ..] = data else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let size = [height, width].map(|side| u32::from(*side) + 1);
    let Ok(read) = Rle::from_coco_string(size, text) else {
        return;
    };
    let Ok(mask) = read.decode() else {
        panic!("the runs of {text:?} add up, and are no mask");
    };
    assert_eq!([mask.height(), mask.width()], size);
    // A text may hold runs of no length, which nobody has to write; the mask is the same.
    let written = Rle::encode(&mask);
    assert_eq!(written.decode().as_ref(), Ok(&mask));
    let again = Rle::from_coco_string(size, &written.to_coco_string());
    assert_eq!(again, Ok(written));
}
