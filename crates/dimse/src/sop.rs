//! Which services and objects (PS3.4; PS3.6, A).

/// C-ECHO (PS3.4, A).
pub(crate) const VERIFICATION: &str = "1.2.840.10008.1.1";
/// What both sides always understand (PS3.5, 10.1).
pub(crate) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(crate) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
/// The only application context (PS3.7, A.2.1).
pub(crate) const APPLICATION: &str = "1.2.840.10008.3.1.1.1";

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SopClass {
    /// Its UID.
    pub uid: &'static str,
    /// Its name in PS3.6, without "Image Storage".
    pub name: &'static str,
}

const fn class(uid: &'static str, name: &'static str) -> SopClass {
    SopClass { uid, name }
}

/// Pictures that are taken in: of the kinds of device whose pictures are segmented, those in which there is a picture.
#[rustfmt::skip]
pub const IMAGE_CLASSES: [SopClass; 25] = [
    class("1.2.840.10008.5.1.4.1.1.6.1", "Ultrasound"),
    class("1.2.840.10008.5.1.4.1.1.3.1", "Ultrasound Multi-frame"),
    class("1.2.840.10008.5.1.4.1.1.6", "Ultrasound (retired)"),
    class("1.2.840.10008.5.1.4.1.1.3", "Ultrasound Multi-frame (retired)"),
    class("1.2.840.10008.5.1.4.1.1.1", "Computed Radiography"),
    class("1.2.840.10008.5.1.4.1.1.1.1", "Digital X-Ray - For Presentation"),
    class("1.2.840.10008.5.1.4.1.1.1.1.1", "Digital X-Ray - For Processing"),
    class("1.2.840.10008.5.1.4.1.1.1.2", "Digital Mammography X-Ray - For Presentation"),
    class("1.2.840.10008.5.1.4.1.1.1.2.1", "Digital Mammography X-Ray - For Processing"),
    class("1.2.840.10008.5.1.4.1.1.1.3", "Digital Intra-Oral X-Ray - For Presentation"),
    class("1.2.840.10008.5.1.4.1.1.1.3.1", "Digital Intra-Oral X-Ray - For Processing"),
    class("1.2.840.10008.5.1.4.1.1.77.1.1", "VL Endoscopic"),
    class("1.2.840.10008.5.1.4.1.1.77.1.1.1", "Video Endoscopic"),
    class("1.2.840.10008.5.1.4.1.1.77.1.2", "VL Microscopic"),
    class("1.2.840.10008.5.1.4.1.1.77.1.3", "VL Slide-Coordinates Microscopic"),
    class("1.2.840.10008.5.1.4.1.1.77.1.4", "VL Photographic"),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.1", "Ophthalmic Photography 8 Bit"),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.2", "Ophthalmic Photography 16 Bit"),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.5", "Wide Field Ophthalmic Photography Stereographic Projection"),
    class("1.2.840.10008.5.1.4.1.1.77.1.5.6", "Wide Field Ophthalmic Photography 3D Coordinates"),
    class("1.2.840.10008.5.1.4.1.1.77.1.7", "Dermoscopic Photography"),
    class("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture"),
    class("1.2.840.10008.5.1.4.1.1.7.2", "Multi-frame Grayscale Byte Secondary Capture"),
    class("1.2.840.10008.5.1.4.1.1.7.3", "Multi-frame Grayscale Word Secondary Capture"),
    class("1.2.840.10008.5.1.4.1.1.7.4", "Multi-frame True Color Secondary Capture"),
];

/// Whether objects of a class are taken in.
pub(crate) fn is_taken(uid: &str) -> bool {
    IMAGE_CLASSES.iter().any(|class| class.uid == uid)
}

/// Whether a transfer syntax is understood for a service: for pictures, those that are read here, so that a scanner that can
/// write others as well sends one of them.
pub(crate) fn is_read(abstract_syntax: &str, transfer_syntax: &str) -> bool {
    match abstract_syntax {
        VERIFICATION => matches!(transfer_syntax, IMPLICIT | EXPLICIT),
        _ => dicom::TransferSyntax::readable().any(|read| read == transfer_syntax),
    }
}
