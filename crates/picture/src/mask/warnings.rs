//! What the reader of a result should know before trusting it. Warnings never refuse anything.

use serde::Serialize;

use super::ellipse::Ellipse;
use super::presence::{Presence, PresenceState};
use crate::frame::{FileInfo, FileNote};
use crate::scale::{NoPixelSize, PixelSize};

/// What to know before trusting the result. Warnings never refuse anything.
// The words are those of the OpenAPI document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = WarningReply))]
pub struct Warning {
    /// Stable name: presence-unsure, pages-left, range-from-picture, transparent-on-black, burned-in-text,
    /// overlays-left, pixels-not-square, modality-from-file, modality-differs, pixel-size-doubtful, no-millimetres,
    /// lengths-elsewhere, several-regions, not-an-ellipse or caliper-beyond-picture; later versions may have more.
    #[cfg_attr(feature = "openapi", schema(example = "several-regions"))]
    pub code: &'static str,
    /// What happened this time.
    pub message: String,
}

/// Every code there is.
pub const CODES: [&str; 15] = [
    PRESENCE_UNSURE,
    PAGES_LEFT,
    RANGE_FROM_PICTURE,
    TRANSPARENT_ON_BLACK,
    BURNED_IN_TEXT,
    OVERLAYS_LEFT,
    PIXELS_NOT_SQUARE,
    MODALITY_FROM_FILE,
    MODALITY_DIFFERS,
    PIXEL_SIZE_DOUBTFUL,
    NO_MILLIMETRES,
    LENGTHS_ELSEWHERE,
    SEVERAL_REGIONS,
    NOT_AN_ELLIPSE,
    CALIPER_BEYOND_PICTURE,
];
const PRESENCE_UNSURE: &str = "presence-unsure";
const PAGES_LEFT: &str = "pages-left";
const RANGE_FROM_PICTURE: &str = "range-from-picture";
const TRANSPARENT_ON_BLACK: &str = "transparent-on-black";
const BURNED_IN_TEXT: &str = "burned-in-text";
const OVERLAYS_LEFT: &str = "overlays-left";
const PIXELS_NOT_SQUARE: &str = "pixels-not-square";
const MODALITY_FROM_FILE: &str = "modality-from-file";
const MODALITY_DIFFERS: &str = "modality-differs";
const PIXEL_SIZE_DOUBTFUL: &str = "pixel-size-doubtful";
const NO_MILLIMETRES: &str = "no-millimetres";
const LENGTHS_ELSEWHERE: &str = "lengths-elsewhere";
const SEVERAL_REGIONS: &str = "several-regions";
const NOT_AN_ELLIPSE: &str = "not-an-ellipse";
const CALIPER_BEYOND_PICTURE: &str = "caliper-beyond-picture";

/// How far pictures of a modality reach along their longer side, mm.
///
/// Endoscopes have no fixed scale, so there is no range for colonoscopy.
const FIELDS_OF_VIEW: [(&str, [f64; 2]); 5] = [
    // From probes for small parts to the depth of some 30 cm that sound of 2 MHz reaches. The pictures of HC18, which
    // fetal heads were learned from, have 40 to 315 mm (doi 10.5281/zenodo.1327317).
    ("ultrasound", [20.0, 400.0]),
    // A newborn's chest, to the longest film, 35 x 43 cm (ISO 4090), with its border.
    ("x-ray", [100.0, 500.0]),
    // 0.29 mm of retina to the degree (Drasdo and Fowler, Br. J. Ophthalmol. 58, 1974): 20 to 200 degrees, less what was
    // cropped.
    ("fundus", [4.0, 60.0]),
    // Video dermatoscopes at their strongest, to the widest contact plates and a margin.
    ("dermoscopy", [2.0, 60.0]),
    // A few cells, to a whole slide of 26 x 76 mm (ISO 8037-1).
    ("microscopy", [0.01, 76.0]),
];

/// Below this likeness a region is no whole ellipse: the fetal heads drawn by hand in HC18 have 0.999 and more, half an
/// ellipse has 0.946.
const LEAST_LIKENESS: f64 = 0.97;

/// Of what may be nothing; `marked`: whether the mask marks anything.
#[must_use]
pub fn of_presence(presence: Presence, marked: bool) -> Option<Warning> {
    let mask = match marked {
        true => "the mask says where it would be",
        false => "the mask is empty",
    };
    (presence.state == PresenceState::Unsure).then(|| Warning {
        code: PRESENCE_UNSURE,
        message: format!(
            "Unsure whether anything is there (presence {:.2}): {mask}.",
            presence.score
        ),
    })
}

/// Of how a picture's file was read.
pub fn of_file(file: &FileInfo) -> Vec<Warning> {
    let pages_left = (file.pages > 1).then(|| Warning {
        code: PAGES_LEFT,
        message: format!(
            "{} of {} was read, {} left out; {}.",
            // A frame is called what `frames=` calls it.
            match file.dicom {
                Some(said) => format!("Frame {} (from 0)", said.frame),
                None => format!("Page {}", file.page),
            },
            file.pages,
            file.pages - 1,
            match file.format.paged_by() {
                Some(wish) => format!("ask for another with {wish}="),
                None => "for another, save that one alone".into(),
            }
        ),
    });
    let range = match file.bits {
        // The file says itself how its values are shown, or a note tells.
        _ if file.dicom.is_some() => None,
        bits @ 9..16 => Some(format!(
            "taken as {bits}-bit: {} is white",
            (1_u32 << bits) - 1
        )),
        32 => Some("real numbers; which is white was taken from them".into()),
        _ => None,
    };
    let range = range.map(|how| Warning {
        code: RANGE_FROM_PICTURE,
        message: format!("The picture's values are {how}."),
    });
    let transparent = file.transparent.then(|| Warning {
        code: TRANSPARENT_ON_BLACK,
        message: "The picture has transparent pixels; they were laid on black.".into(),
    });
    let own = [pages_left, range, transparent].into_iter().flatten();
    own.chain(file.notes.iter().map(of_note)).collect()
}

fn of_note(note: &FileNote) -> Warning {
    let (code, message) = match note {
        FileNote::RangeOfFrame => (
            RANGE_FROM_PICTURE,
            "The file does not say which values are shown: this frame's least is black, its greatest white; ask for others with window=.".into(),
        ),
        FileNote::BurnedIn => (
            BURNED_IN_TEXT,
            "By what the file says, text is drawn into the picture: it may name the patient.".into(),
        ),
        FileNote::OverlaysLeft(count) => (
            OVERLAYS_LEFT,
            format!("The file's overlays ({count}) are not drawn."),
        ),
        FileNote::NotSquare([vertical, horizontal]) => (
            PIXELS_NOT_SQUARE,
            format!("The file's pixels are {vertical} high to {horizontal} wide; the picture is segmented as it is stored, and lengths in pixels are of either kind."),
        ),
        FileNote::NoLengths(why) => (NO_MILLIMETRES, format!("There are no millimetres: {why}.")),
        FileNote::Lengths(what) => (LENGTHS_ELSEWHERE, format!("Note that {what}.")),
        FileNote::ModalityTaken { said, taken } => (
            MODALITY_FROM_FILE,
            format!("No modality was asked for: the file says {said}, so it was taken as {taken}."),
        ),
        FileNote::ModalityDiffers { said, likely } => (
            MODALITY_DIFFERS,
            format!("The file says {said}, which is {likely}; another modality was asked for."),
        ),
    };
    Warning { code, message }
}

/// Of a size of pixels with which a picture of `size` (width, height, px) shows less or more than its modality does.
#[must_use]
pub fn of_pixel_size(modality: &str, size: [u32; 2], pixel: PixelSize) -> Option<Warning> {
    let (_, [least, most]) = *FIELDS_OF_VIEW.iter().find(|(name, _)| *name == modality)?;
    let [width, height] = [0, 1].map(|axis| f64::from(size[axis]) * pixel.mm()[axis]);
    let longer = width.max(height);
    (!(least..=most).contains(&longer)).then(|| Warning {
        code: PIXEL_SIZE_DOUBTFUL,
        message: format!(
            "With pixels of this size the picture is {longer:.3} mm long, and {modality} pictures are {least} to {most} mm; \
             is `pixel_mm` in millimetres, and of the picture at this size?"
        ),
    })
}

/// Of the largest of a mask's regions, on a picture of several scales, where its pixels' size is not told.
#[must_use]
pub fn of_scale(reason: NoPixelSize) -> Warning {
    Warning {
        code: NO_MILLIMETRES,
        message: format!("There is no ellipse in millimetres: the mask's largest region {reason}."),
    }
}

/// Of a caliper that leaves a picture of `size` (width, height, px).
#[must_use]
pub fn of_caliper([width, height]: [u32; 2]) -> Warning {
    Warning {
        code: CALIPER_BEYOND_PICTURE,
        message: format!(
            "The caliper ends beyond the picture of {width}x{height} pixels, where there is no mask."
        ),
    }
}

/// Of an ellipse that was taken of the largest of a mask's `regions`, which has `share` (0..=1) of the mask.
#[must_use]
pub fn of_ellipse(ellipse: &Ellipse, share: f64, regions: usize) -> Vec<Warning> {
    let several = (regions > 1).then(|| Warning {
        code: SEVERAL_REGIONS,
        message: format!(
            "The ellipse is of the largest of {regions} regions, which has {:.1} % of the mask.",
            100.0 * share
        ),
    });
    let unlike = (ellipse.likeness < LEAST_LIKENESS).then(|| Warning {
        code: NOT_AN_ELLIPSE,
        message: format!(
            "The region is little like an ellipse (likeness {:.3}): the circumference may not be its own.",
            ellipse.likeness
        ),
    });
    [several, unlike].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Format;

    fn codes(warnings: &[Warning]) -> Vec<&str> {
        warnings.iter().map(|warning| warning.code).collect()
    }

    const PLAIN: FileInfo = FileInfo::plain(Format::Png, 8);

    #[test]
    fn doubt_whether_anything_is_there_is_said() {
        let score = 0.407;
        let of = |state, marked| of_presence(Presence { score, state }, marked);
        assert_eq!(of(PresenceState::Present, true), None);
        let absent = of(PresenceState::Absent, false);
        assert_eq!(absent, None, "there is no mask to doubt");
        for (marked, words) in [(true, "where it would be"), (false, "the mask is empty")] {
            let unsure = of(PresenceState::Unsure, marked).unwrap();
            assert_eq!(unsure.code, PRESENCE_UNSURE);
            assert!(unsure.message.contains("(presence 0.41)"));
            assert!(unsure.message.contains(words), "{}", unsure.message);
        }
    }

    #[test]
    fn a_file_read_whole_and_as_it_is_gives_none() {
        for bits in [1, 2, 4, 8, 16] {
            assert_eq!(of_file(&FileInfo { bits, ..PLAIN }), []);
        }
    }

    #[test]
    fn what_was_left_out_or_understood_is_said() {
        let warnings = of_file(&FileInfo {
            page: 3,
            pages: 4,
            transparent: true,
            ..FileInfo::plain(Format::Tiff, 12)
        });
        assert_eq!(
            codes(&warnings),
            [PAGES_LEFT, RANGE_FROM_PICTURE, TRANSPARENT_ON_BLACK]
        );
        assert_eq!(
            warnings[0].message,
            "Page 3 of 4 was read, 3 left out; ask for another with page=."
        );
        assert_eq!(
            warnings[1].message,
            "The picture's values are taken as 12-bit: 4095 is white."
        );
        assert_eq!(
            codes(&of_file(&FileInfo { bits: 32, ..PLAIN })),
            [RANGE_FROM_PICTURE]
        );
        let animated = of_file(&FileInfo { pages: 2, ..PLAIN });
        assert!(
            !animated[0].message.contains("page="),
            "only a TIFF's pages can be asked for"
        );
    }

    #[test]
    fn a_picture_smaller_or_larger_than_its_kind_is_doubted() {
        let doubted = |modality: &str, size: [u32; 2], mm: [f64; 2]| {
            of_pixel_size(modality, size, PixelSize::new(mm).unwrap()).is_some()
        };
        // A fetal head of HC18: 0.1847 mm; given in centimetres its circumference is 14.6 mm in place of 146.
        assert!(!doubted("ultrasound", [800, 540], [0.1847; 2]));
        assert!(doubted("ultrasound", [800, 540], [0.01847; 2]));
        assert!(doubted("ultrasound", [800, 540], [1.847; 2]));
        // The longer side counts in millimetres, not in pixels.
        assert!(!doubted("ultrasound", [800, 540], [0.01, 0.1]));
        // Chest film of 35 x 43 cm at 0.143 mm, fundus of 45 degrees over 999 px, a slide scanned at 0.25 µm.
        assert!(!doubted("x-ray", [2448, 3008], [0.143; 2]));
        assert!(doubted("x-ray", [2448, 3008], [0.0143; 2]));
        assert!(!doubted("fundus", [999, 960], [0.013; 2]));
        assert!(doubted("fundus", [999, 960], [0.13; 2]));
        assert!(!doubted("microscopy", [360, 360], [0.000_25; 2]));
        assert!(doubted("microscopy", [360, 360], [0.25; 2]));
        // Nothing is known of an endoscope's scale, nor of a modality that has no row.
        assert!(!doubted("colonoscopy", [500, 500], [50.0; 2]));
        assert!(!doubted("another", [500, 500], [50.0; 2]));
    }

    #[test]
    fn an_ellipse_says_what_it_is_of() {
        let of = |likeness, share, regions| {
            let ellipse = Ellipse {
                centre: [0.0; 2],
                semi_axes: [2.0, 1.0],
                angle: 0.0,
                likeness,
            };
            of_ellipse(&ellipse, share, regions)
        };
        assert_eq!(of(0.97, 1.0, 1), []);
        assert_eq!(codes(&of(0.969, 1.0, 1)), [NOT_AN_ELLIPSE]);
        let two = of(0.99, 0.612, 2);
        assert_eq!(codes(&two), [SEVERAL_REGIONS]);
        assert!(
            two[0]
                .message
                .contains("largest of 2 regions, which has 61.2 %")
        );
    }

    #[test]
    fn codes_are_unique_and_in_kebab_case() {
        for (i, code) in CODES.iter().enumerate() {
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            assert!(!CODES[..i].contains(code));
        }
    }
}
