//! How large a picture's pixels are, where that is known: what millimetres are made of.

/// Size of a picture's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelSize {
    /// Millimetres per column and per row; finite, over 0, at most [`PixelSize::LARGEST`].
    mm: [f64; 2],
}

/// Not a size of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pixel's size is one number of millimetres, or two (column, row), over 0 and at most {}",
    PixelSize::LARGEST
)]
pub struct BadPixelSize;

impl PixelSize {
    /// No device has larger pixels, mm.
    pub const LARGEST: f64 = 100.0;

    /// `mm` per column and per row.
    ///
    /// # Errors
    /// [`BadPixelSize`].
    pub fn new(mm: [f64; 2]) -> Result<Self, BadPixelSize> {
        let good = |v: f64| v > 0.0 && v <= Self::LARGEST;
        if mm.into_iter().all(good) {
            Ok(Self { mm })
        } else {
            Err(BadPixelSize)
        }
    }

    /// Millimetres per column and per row.
    #[must_use]
    pub fn mm(self) -> [f64; 2] {
        self.mm
    }
}

impl std::str::FromStr for PixelSize {
    type Err = BadPixelSize;

    /// "0.14", or "0.14,0.15": column, row.
    fn from_str(text: &str) -> Result<Self, BadPixelSize> {
        let (column, row) = text.split_once(',').unwrap_or((text, text));
        let number = |text: &str| text.trim().parse().map_err(|_| BadPixelSize);
        Self::new([number(column)?, number(row)?])
    }
}

impl std::fmt::Display for PixelSize {
    /// As it is read: "0.14" where column and row are alike, else "0.14,0.15".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [column, row] = self.mm;
        match column == row {
            true => write!(f, "{column}"),
            false => write!(f, "{column},{row}"),
        }
    }
}

/// Why the size of the pixels in some place is not told, in words that go on from what lies there. A picture's regions are
/// called calibrated, as their machines do, to be told from a mask's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPixelSize {
    /// Nothing is known of the picture's scale.
    #[error("is on a picture of unknown scale")]
    Unknown,
    /// In none of the regions.
    #[error("lies in none of the picture's calibrated regions")]
    Outside,
    /// In more than one of the regions.
    #[error("lies in more than one of the picture's calibrated regions")]
    Several,
    /// In one region and beyond it.
    #[error("reaches beyond the picture's calibrated region that it lies in")]
    Beyond,
    /// In a region without [`ScaledRegion::pixel`].
    #[error("lies in a region of the picture whose units are no lengths")]
    NoLengths,
}

/// How large the pixels of a picture are. It travels with the picture, in the upright picture's own pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scale {
    /// Not known: nothing is said in millimetres.
    #[default]
    Unknown,
    /// The same everywhere.
    Uniform(PixelSize),
    /// Another for each region, as an ultrasound machine's screen has them (DICOM PS3.3, C.8.5.5); what lies in none has
    /// none.
    Regions(Vec<ScaledRegion>),
}

/// A rectangle of a picture with pixels of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaledRegion {
    /// x and y of its top left pixel, width and height, px.
    pub place: [u32; 4],
    /// Its pixels' size; `None` where its units are no lengths (a Doppler curve's).
    pub pixel: Option<PixelSize>,
}

impl Scale {
    /// Size of the pixels of all that lies in a box (x, y, width, height, px).
    ///
    /// # Errors
    /// [`NoPixelSize`] where it is not known, or not the same for all of it.
    pub fn within(&self, area: [u32; 4]) -> Result<PixelSize, NoPixelSize> {
        match self {
            Self::Unknown => Err(NoPixelSize::Unknown),
            Self::Uniform(pixel) => Ok(*pixel),
            Self::Regions(regions) => {
                let mut touched = regions.iter().filter(|region| region.meets(area));
                let region = touched.next().ok_or(NoPixelSize::Outside)?;
                // Two regions that lie over each other may not agree: neither is believed.
                if touched.next().is_some() {
                    return Err(NoPixelSize::Several);
                }
                if !region.holds(area) {
                    return Err(NoPixelSize::Beyond);
                }
                region.pixel.ok_or(NoPixelSize::NoLengths)
            }
        }
    }
}

impl ScaledRegion {
    /// First and last-but-one of its columns and rows, and of the other's: 64 bits, as sums of sides may pass 32.
    fn ends([x, y, width, height]: [u32; 4]) -> [[u64; 2]; 2] {
        let span = |from: u32, length: u32| [u64::from(from), u64::from(from) + u64::from(length)];
        [span(x, width), span(y, height)]
    }

    fn meets(&self, area: [u32; 4]) -> bool {
        let (own, other) = (Self::ends(self.place), Self::ends(area));
        own.iter()
            .zip(other)
            .all(|(own, other)| own[0] < other[1] && other[0] < own[1])
    }

    fn holds(&self, area: [u32; 4]) -> bool {
        let (own, other) = (Self::ends(self.place), Self::ends(area));
        own.iter()
            .zip(other)
            .all(|(own, other)| own[0] <= other[0] && other[1] <= own[1])
    }
}

impl From<Option<PixelSize>> for Scale {
    fn from(pixel: Option<PixelSize>) -> Self {
        pixel.map_or(Self::Unknown, Self::Uniform)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(place: [u32; 4], mm: Option<f64>) -> ScaledRegion {
        let pixel = mm.map(|mm| PixelSize::new([mm; 2]).unwrap());
        ScaledRegion { place, pixel }
    }

    #[test]
    fn millimetres_are_known_within_one_region_only() {
        let scale = Scale::Regions(vec![
            region([10, 10, 100, 50], Some(0.1)),
            region([10, 70, 100, 50], None),
            region([200, 10, 100, 100], Some(0.2)),
            region([250, 10, 100, 100], Some(0.3)),
        ]);
        let size = |mm: f64| Ok(PixelSize::new([mm; 2]).unwrap());
        for (area, expected) in [
            ([10, 10, 100, 50], size(0.1)),
            ([20, 20, 5, 5], size(0.1)),
            ([9, 10, 5, 5], Err(NoPixelSize::Beyond)),
            ([20, 55, 5, 20], Err(NoPixelSize::Several)),
            ([20, 80, 5, 5], Err(NoPixelSize::NoLengths)),
            ([120, 20, 5, 5], Err(NoPixelSize::Outside)),
            ([210, 20, 10, 10], size(0.2)),
            // Two lie over each other there.
            ([255, 20, 10, 10], Err(NoPixelSize::Several)),
            ([u32::MAX, 0, u32::MAX, 9], Err(NoPixelSize::Outside)),
        ] {
            assert_eq!(scale.within(area), expected, "{area:?}");
        }
        let unknown = Scale::Unknown.within([0, 0, 1, 1]);
        assert_eq!(unknown, Err(NoPixelSize::Unknown));
        let uniform = Scale::from(PixelSize::new([0.5, 0.5]).ok());
        assert_eq!(uniform.within([7, 7, 900, 900]), size(0.5));
    }
}
