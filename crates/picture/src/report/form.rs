//! The forms in which a result can be had: all that is said of them elsewhere (what can be asked for, media types, names of
//! files, help) follows from the table here.

/// What there is to know of a form.
struct FormFacts {
    name: &'static str,
    /// As registered with IANA.
    media_type: &'static str,
    /// Of a file's name: what tells it from its picture and from other forms of the same.
    ending: &'static str,
}

const JSON: &str = "application/json";
#[cfg(feature = "dicom")]
const DICOM: &str = "application/dicom";
const GEOJSON: &str = "application/geo+json";
const SVG: &str = "image/svg+xml";

macro_rules! forms {
    ($(#[doc = $about:literal] $(#[cfg($condition:meta)])? $form:ident $facts:tt)*) => {
        /// A representation of the result.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Form {
            $(#[doc = $about] $(#[cfg($condition)])? $form,)*
        }

        impl Form {
            /// All of them. Of those of one media type, the first is the one for who asks for no other.
            pub const ALL: &[Self] = &[$($(#[cfg($condition)])? Self::$form),*];

            const fn facts(self) -> &'static FormFacts {
                match self {
                    $($(#[cfg($condition)])? Self::$form => &FormFacts $facts,)*
                }
            }

            /// What it is, as a sentence for users.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $($(#[cfg($condition)])? Self::$form => $about.trim(),)*
                }
            }
        }
    };
}

forms! {
    /// JSON with everything: figures, run-length code and polygons.
    Json { name: "json", media_type: JSON, ending: "json" }
    /// JSON with the mask as COCO run-length code, without polygons.
    Rle { name: "rle", media_type: JSON, ending: "rle.json" }
    /// JSON with the mask as polygons (outer rings and holes), without run-length code.
    Polygons { name: "polygons", media_type: JSON, ending: "polygons.json" }
    /// The mask as PNG, 8-bit grey, 0 or 255, at the picture's own size.
    Png { name: "png", media_type: "image/png", ending: "mask.png" }
    /// The picture with the mask drawn over it, PNG.
    Overlay { name: "overlay", media_type: "image/png", ending: "overlay.png" }
    /// The picture with the mask drawn over it, JPEG.
    OverlayJpeg { name: "overlay-jpeg", media_type: "image/jpeg", ending: "overlay.jpg" }
    /// The picture with the patch prompt's cells drawn over it (where the model looked), PNG.
    Patch { name: "patch", media_type: "image/png", ending: "patch.png" }
    /// JSON with the mask as COCO annotations, one for each region.
    Coco { name: "coco", media_type: JSON, ending: "coco.json" }
    /// JSON with the mask as LabelMe polygons, one for each region.
    Labelme { name: "labelme", media_type: JSON, ending: "labelme.json" }
    /// The mask as GeoJSON polygons in the picture's pixels, as QuPath reads them.
    GeoJson { name: "geojson", media_type: GEOJSON, ending: "geojson" }
    /// The mask's outlines as SVG, to be laid over the picture.
    Svg { name: "svg", media_type: SVG, ending: "svg" }
    /// DICOM segmentation, binary: the masks of all frames that were asked for.
    #[cfg(feature = "dicom")]
    Seg { name: "seg", media_type: DICOM, ending: "seg.dcm" }
    /// DICOM segmentation, fractional: probabilities in 255ths, half and more of which is the mask.
    #[cfg(feature = "dicom")]
    SegFractional { name: "seg-fractional", media_type: DICOM, ending: "seg-fractional.dcm" }
    /// DICOM structured report (TID 1500): the measurements of the masks of `seg`, to which it refers.
    #[cfg(feature = "dicom")]
    Sr { name: "sr", media_type: DICOM, ending: "sr.dcm" }
    /// DICOM structured report (TID 1500): outline and measurements of each region; it needs no segmentation beside it.
    #[cfg(feature = "dicom")]
    SrOutlines { name: "sr-outlines", media_type: DICOM, ending: "sr-outlines.dcm" }
    /// DICOM secondary capture: the picture with the mask drawn over it, of one frame.
    #[cfg(feature = "dicom")]
    Capture { name: "capture", media_type: DICOM, ending: "capture.dcm" }
}

impl Form {
    /// What it is asked for by.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The form of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|form| form.name() == name)
    }

    /// The names of all, with commas between them.
    #[must_use]
    pub fn names() -> String {
        let names: Vec<_> = Self::ALL.iter().map(|form| form.name()).collect();
        names.join(", ")
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        self.facts().media_type
    }

    /// What ends the name of its file, without the first dot: it tells the file from its picture's and from those of
    /// other forms.
    #[must_use]
    pub fn ending(self) -> &'static str {
        self.facts().ending
    }

    /// Whether it is an object that the crate `dicom` makes, of a picture and of what its file says.
    #[must_use]
    pub fn is_dicom(self) -> bool {
        self.media_type() == "application/dicom"
    }

    /// The objects that are made where it is asked for, itself the last: with a report comes the segmentation that it refers to.
    /// None if it is no object.
    #[must_use]
    pub fn objects(self) -> &'static [Self] {
        match self {
            #[cfg(feature = "dicom")]
            Self::Seg => &[Self::Seg],
            #[cfg(feature = "dicom")]
            Self::SegFractional => &[Self::SegFractional],
            #[cfg(feature = "dicom")]
            Self::Sr => &[Self::Seg, Self::Sr],
            #[cfg(feature = "dicom")]
            Self::SrOutlines => &[Self::SrOutlines],
            #[cfg(feature = "dicom")]
            Self::Capture => &[Self::Capture],
            _ => &[],
        }
    }

    /// Whether all frames of a file go into one.
    #[must_use]
    pub fn holds_all_frames(self) -> bool {
        match self {
            #[cfg(feature = "dicom")]
            Self::Capture => false,
            form => form.is_dicom(),
        }
    }

    /// Whether a terminal can show it.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self.media_type(), JSON | GEOJSON | SVG)
    }

    /// Whether it is a [`Report`](super::Report), which says all there is to say, doubts among it.
    #[must_use]
    pub fn is_report(self) -> bool {
        matches!(self, Self::Json | Self::Rle | Self::Polygons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart_by_name_and_by_ending() {
        for (i, form) in Form::ALL.iter().enumerate() {
            assert_eq!(Form::from_name(form.name()), Some(*form));
            assert!(form.about().ends_with('.'), "{form:?}");
            assert_eq!(form.objects().last() == Some(form), form.is_dicom());
            for other in &Form::ALL[i + 1..] {
                assert_ne!(form.name(), other.name());
                assert_ne!(form.ending(), other.ending());
            }
        }
        assert_eq!(Form::from_name("bmp"), None);
        assert_eq!(Form::from_name("Json"), None);
        let pictures =
            "json, rle, polygons, png, overlay, overlay-jpeg, patch, coco, labelme, geojson, svg";
        let expected = match cfg!(feature = "dicom") {
            true => format!("{pictures}, seg, seg-fractional, sr, sr-outlines, capture"),
            false => pictures.into(),
        };
        assert_eq!(Form::names(), expected);
    }
}
