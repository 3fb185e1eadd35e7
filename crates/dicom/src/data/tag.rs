//! The elements that are read (PS3.6, 6). Whatever is not in this list is skipped unread: names, dates and numbers of a
//! person never come into memory as values.

/// Group and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag(pub u32);

/// What an element holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A value.
    Plain,
    /// Items.
    Sequence,
}

impl Tag {
    pub const ITEM: Self = Self(0xfffe_e000);
    pub const ITEM_END: Self = Self(0xfffe_e00d);
    pub const SEQUENCE_END: Self = Self(0xfffe_e0dd);
    pub const PIXEL_DATA: Self = Self(0x7fe0_0010);
    /// Overlay Rows of the first overlay (PS3.3, C.9.2); those of the others are in the even groups that follow.
    pub const OVERLAY_ROWS: Self = Self(0x6000_0010);

    pub fn group(self) -> u32 {
        self.0 >> 16
    }

    /// What of it is read, if anything.
    pub fn wanted(self) -> Option<Content> {
        if self.0 & 0xff01_ffff == Self::OVERLAY_ROWS.0 {
            return Some(Content::Plain);
        }
        let found = WANTED.binary_search_by_key(&self, |(tag, _)| *tag).ok()?;
        WANTED.get(found).map(|(_, content)| *content)
    }
}

macro_rules! wanted {
    ($($name:ident $value:literal $content:ident)*) => {
        impl Tag {
            $(pub const $name: Self = Self($value);)*
        }
        /// In ascending order.
        const WANTED: &[(Tag, Content)] = &[$((Tag::$name, Content::$content)),*];
    };
}

wanted! {
    TRANSFER_SYNTAX 0x0002_0010 Plain
    DIRECTORY_RECORDS 0x0004_1220 Sequence
    REFERENCED_FILE 0x0004_1500 Plain
    SOP_CLASS 0x0008_0016 Plain
    SOP_INSTANCE 0x0008_0018 Plain
    MODALITY 0x0008_0060 Plain
    DISPLAY_FRAME_RATE 0x0008_2144 Plain
    BODY_PART 0x0018_0015 Plain
    CINE_RATE 0x0018_0040 Plain
    FRAME_TIME 0x0018_1063 Plain
    FRAME_TIME_VECTOR 0x0018_1065 Plain
    MAGNIFICATION 0x0018_1114 Plain
    IMAGER_PIXEL_SPACING 0x0018_1164 Plain
    NOMINAL_SCANNED_SPACING 0x0018_2010 Plain
    ULTRASOUND_REGIONS 0x0018_6011 Sequence
    REGION_SPATIAL_FORMAT 0x0018_6012 Plain
    REGION_DATA_TYPE 0x0018_6014 Plain
    REGION_MIN_X 0x0018_6018 Plain
    REGION_MIN_Y 0x0018_601a Plain
    REGION_MAX_X 0x0018_601c Plain
    REGION_MAX_Y 0x0018_601e Plain
    REGION_UNITS_X 0x0018_6024 Plain
    REGION_UNITS_Y 0x0018_6026 Plain
    REGION_DELTA_X 0x0018_602c Plain
    REGION_DELTA_Y 0x0018_602e Plain
    STUDY_INSTANCE 0x0020_000d Plain
    SERIES_INSTANCE 0x0020_000e Plain
    FRAME_OF_REFERENCE 0x0020_0052 Plain
    SAMPLES_PER_PIXEL 0x0028_0002 Plain
    PHOTOMETRIC 0x0028_0004 Plain
    PLANAR 0x0028_0006 Plain
    FRAMES 0x0028_0008 Plain
    ROWS 0x0028_0010 Plain
    COLUMNS 0x0028_0011 Plain
    PIXEL_SPACING 0x0028_0030 Plain
    ASPECT_RATIO 0x0028_0034 Plain
    BITS_ALLOCATED 0x0028_0100 Plain
    BITS_STORED 0x0028_0101 Plain
    HIGH_BIT 0x0028_0102 Plain
    PIXEL_REPRESENTATION 0x0028_0103 Plain
    BURNED_IN 0x0028_0301 Plain
    WINDOW_CENTRE 0x0028_1050 Plain
    WINDOW_WIDTH 0x0028_1051 Plain
    RESCALE_INTERCEPT 0x0028_1052 Plain
    RESCALE_SLOPE 0x0028_1053 Plain
    VOI_FUNCTION 0x0028_1056 Plain
    RED_DESCRIPTOR 0x0028_1101 Plain
    GREEN_DESCRIPTOR 0x0028_1102 Plain
    BLUE_DESCRIPTOR 0x0028_1103 Plain
    RED_TABLE 0x0028_1201 Plain
    GREEN_TABLE 0x0028_1202 Plain
    BLUE_TABLE 0x0028_1203 Plain
    RED_SEGMENTS 0x0028_1221 Plain
    GREEN_SEGMENTS 0x0028_1222 Plain
    BLUE_SEGMENTS 0x0028_1223 Plain
    LOSSY 0x0028_2110 Plain
    LOSSY_RATIO 0x0028_2112 Plain
    LOSSY_METHOD 0x0028_2114 Plain
    MODALITY_LUT 0x0028_3000 Sequence
    LUT_DESCRIPTOR 0x0028_3002 Plain
    LUT_DATA 0x0028_3006 Plain
    VOI_LUT 0x0028_3010 Sequence
    PIXEL_MEASURES 0x0028_9110 Sequence
    FRAME_VOI_LUT 0x0028_9132 Sequence
    VALUE_TRANSFORMATION 0x0028_9145 Sequence
    SHARED_GROUPS 0x5200_9229 Sequence
    FRAME_GROUPS 0x5200_9230 Sequence
    EXTENDED_OFFSETS 0x7fe0_0001 Plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_names_nobody() {
        assert!(WANTED.is_sorted_by(|a, b| a.0 < b.0));
        assert!(WANTED.iter().all(|(tag, _)| tag.group() != 0x0010));
        assert_eq!(Tag(0x6002_0010).wanted(), Some(Content::Plain));
        for unread in [0x0010_0010, 0x6001_0010, 0x6102_0010, 0x6000_3000] {
            assert_eq!(Tag(unread).wanted(), None);
        }
    }
}
