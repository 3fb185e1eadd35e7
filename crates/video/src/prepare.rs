//! What is done to each picture of a source before anybody looks at it: a region is cut out, turned, mirrored, in this order.

use picture::frame::{Frame, FrameError, FrameLimits, PixelRect, RegionError};
use serde::{Deserialize, Serialize};

use crate::placement::Placement;
use crate::source::SourceError;

/// What is to be seen of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SourceView {
    /// The part of the picture, in the source's own pixels; all of it, if nothing is said.
    pub region: Option<PixelRect>,
    /// How far it is turned, clockwise.
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Degrees))]
    pub rotate: Rotation,
    /// Whether left and right change places, once it is turned.
    pub mirror: bool,
    /// Whether the console's surround is to be found: a region is proposed for it, and used once it is confirmed as
    /// `region`. Nothing is cut off by this alone.
    pub crop: Option<SurroundCrop>,
}

/// Quarters of a turn, clockwise; as text in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum Rotation {
    /// 0°.
    #[default]
    None,
    /// 90°: what was left is above.
    Quarter,
    /// 180°.
    Half,
    /// 270°: what was left is below.
    ThreeQuarters,
}

/// How the console's surround is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SurroundCrop {
    /// By the pictures themselves.
    Auto,
}

/// Degrees that are no quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a picture is turned by 0, 90, 180 or 270 degrees, not by {0}")]
pub struct BadRotation(u16);

/// What the OpenAPI document says of turns.
#[cfg(feature = "openapi")]
mod schemas {
    use super::Rotation::{Half, None, Quarter, ThreeQuarters};
    use utoipa::openapi::schema::{ObjectBuilder, Type};

    picture::schemas! {
        /// Degrees, clockwise.
        Degrees: ObjectBuilder::new()
            .schema_type(Type::Integer)
            .enum_values(Some([None, Quarter, Half, ThreeQuarters].map(u16::from))),
    }
}

impl TryFrom<u16> for Rotation {
    type Error = BadRotation;

    fn try_from(degrees: u16) -> Result<Self, BadRotation> {
        match degrees {
            0 => Ok(Self::None),
            90 => Ok(Self::Quarter),
            180 => Ok(Self::Half),
            270 => Ok(Self::ThreeQuarters),
            other => Err(BadRotation(other)),
        }
    }
}

impl From<Rotation> for u16 {
    fn from(rotation: Rotation) -> Self {
        match rotation {
            Rotation::None => 0,
            Rotation::Quarter => 90,
            Rotation::Half => 180,
            Rotation::ThreeQuarters => 270,
        }
    }
}

impl From<RegionError> for SourceError {
    fn from(error: RegionError) -> Self {
        Self::Garbage(error.into())
    }
}

/// Rows that are turned at once: their ends are in the first cache together.
const BAND: usize = 32;

impl SourceView {
    /// Whether its region can be one of a picture at all.
    ///
    /// # Errors
    /// [`FrameError::TooSmall`], [`FrameError::TooLarge`].
    pub fn check(&self, limits: &FrameLimits) -> Result<(), FrameError> {
        match self.region {
            Some(PixelRect { width, height, .. }) => limits.check((width, height)),
            None => Ok(()),
        }
    }

    /// Whether it is the picture as it comes.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Self {
            region,
            rotate,
            mirror,
            crop: _,
        } = self;
        region.is_none() && *rotate == Rotation::None && !mirror
    }

    /// Writes what is to be seen of `from` into `to`, in the memory that it has.
    ///
    /// # Errors
    /// [`RegionError`]; `to` is then as it was.
    pub fn write(&self, from: &Frame, to: &mut Frame) -> Result<(), SourceError> {
        let size = from.size();
        let region = self.region.unwrap_or(PixelRect::whole(size));
        region.check(size)?;
        let PixelRect { width, height, .. } = region;
        match self.rotate {
            Rotation::None | Rotation::Half => {
                to.reshape(width, height)?;
                self.write_rows(&region, from, to);
            }
            Rotation::Quarter | Rotation::ThreeQuarters => {
                to.reshape(height, width)?;
                self.write_columns(&region, from, to);
            }
        }
        Ok(())
    }

    /// Where what is to be seen lies of a picture of that size, width and height, which lies so.
    #[must_use]
    pub fn placed(&self, whole: Placement, size: [u32; 2]) -> Placement {
        if self.is_plain() {
            return whole;
        }
        let region = self.region.unwrap_or(PixelRect::whole(size));
        let [width, height] = [region.width, region.height].map(f64::from);
        let turned = match self.rotate {
            Rotation::None | Rotation::Half => width,
            Rotation::Quarter | Rotation::ThreeQuarters => height,
        };
        // Where in the source's picture the pixel lies that is seen there.
        let position = |u: f64, v: f64| {
            let u = if self.mirror { turned - 1.0 - u } else { u };
            let (x, y) = match self.rotate {
                Rotation::None => (u, v),
                Rotation::Quarter => (v, height - 1.0 - u),
                Rotation::Half => (width - 1.0 - u, height - 1.0 - v),
                Rotation::ThreeQuarters => (width - 1.0 - v, u),
            };
            whole.position([x + f64::from(region.x), y + f64::from(region.y)])
        };
        let origin = position(0.0, 0.0);
        let step = |to: [f64; 3]| std::array::from_fn(|axis| to[axis] - origin[axis]);
        Placement {
            steps: [
                step(position(1.0, 0.0)),
                step(position(0.0, 1.0)),
                whole.steps[2],
            ],
            origin,
            ..whole
        }
    }

    fn write_rows(&self, region: &PixelRect, from: &Frame, to: &mut Frame) {
        let upside_down = self.rotate == Rotation::Half;
        let width = 3 * region.width as usize;
        for (v, row) in to.rgb_mut().chunks_exact_mut(width).enumerate() {
            let last = region.height as usize - 1;
            let source = region.row(from, if upside_down { last - v } else { v });
            match upside_down != self.mirror {
                false => row.copy_from_slice(source),
                true => {
                    let backwards = source.as_chunks::<3>().0.iter().rev();
                    for (pixel, source) in row.as_chunks_mut::<3>().0.iter_mut().zip(backwards) {
                        *pixel = *source;
                    }
                }
            }
        }
    }

    /// Columns of the source become rows, read from the left or from the right, upwards or downwards.
    fn write_columns(&self, region: &PixelRect, from: &Frame, to: &mut Frame) {
        let quarter = self.rotate == Rotation::Quarter;
        let (columns, rows) = (region.width as usize, region.height as usize);
        let bands = to.rgb_mut().chunks_mut(3 * rows * BAND);
        for (i, band) in bands.enumerate() {
            for u in 0..rows {
                let upwards = quarter != self.mirror;
                let source = region.row(from, if upwards { rows - 1 - u } else { u });
                let source = source.as_chunks::<3>().0;
                for (k, row) in band.chunks_exact_mut(3 * rows).enumerate() {
                    let v = i * BAND + k;
                    let x = if quarter { v } else { columns - 1 - v };
                    row[3 * u..3 * u + 3].copy_from_slice(&source[x]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(width: u32, height: u32) -> Frame {
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7]));
        Frame::new(width, height, rgb.collect()).unwrap()
    }

    fn view(degrees: u16, mirror: bool, region: Option<PixelRect>) -> SourceView {
        SourceView {
            region,
            rotate: degrees.try_into().unwrap(),
            mirror,
            crop: None,
        }
    }

    /// By what turning means: where each pixel goes.
    fn place([x, y]: [u32; 2], [width, height]: [u32; 2], degrees: u16) -> [u32; 2] {
        match degrees {
            0 => [x, y],
            90 => [height - 1 - y, x],
            180 => [width - 1 - x, height - 1 - y],
            _ => [y, width - 1 - x],
        }
    }

    proptest! {
        #[test]
        fn each_pixel_goes_where_it_belongs(
            size in (1..80_u32, 1..80_u32),
            quarters in 0..4_u16,
            mirror: bool,
            corner in (0..80_u32, 0..80_u32),
            part in (1..80_u32, 1..80_u32),
        ) {
            let from = picture(size.0, size.1);
            let region = PixelRect { x: corner.0, y: corner.1, width: part.0, height: part.1 };
            let mut to = picture(3, 2);
            let written = view(90 * quarters, mirror, Some(region)).write(&from, &mut to);
            let fits = corner.0 + part.0 <= size.0 && corner.1 + part.1 <= size.1;
            prop_assert_eq!(written.is_ok(), fits);
            if !fits {
                prop_assert_eq!(to, picture(3, 2));
                return Ok(());
            }
            let turned = if quarters % 2 == 1 { [part.1, part.0] } else { [part.0, part.1] };
            prop_assert_eq!(to.size(), turned);
            for y in 0..part.1 {
                for x in 0..part.0 {
                    let [mut u, v] = place([x, y], [part.0, part.1], 90 * quarters);
                    if mirror {
                        u = turned[0] - 1 - u;
                    }
                    let pixel = &to.rgb()[3 * (v * turned[0] + u) as usize..][..3];
                    prop_assert_eq!(pixel, [(corner.0 + x) as u8, (corner.1 + y) as u8, 7]);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn each_pixel_keeps_its_place_in_the_room(
            quarters in 0..4_u16,
            mirror: bool,
            corner in (0..9_u32, 0..9_u32),
            part in (1..9_u32, 1..9_u32),
            at in (0..9_u32, 0..9_u32),
        ) {
            let region = PixelRect { x: corner.0, y: corner.1, width: part.0, height: part.1 };
            let view = view(90 * quarters, mirror, Some(region));
            let whole = Placement {
                steps: [[0.5, 0.125, 0.0], [-0.25, 1.0, 0.5], [0.0, 0.0, 2.0]],
                origin: [10.0, -20.0, 30.0],
                ..Placement::default()
            };
            let seen = view.placed(whole, [20, 20]);
            let [x, y] = [at.0 % part.0, at.1 % part.1];
            let [mut u, v] = place([x, y], [part.0, part.1], 90 * quarters);
            if mirror {
                u = (if quarters % 2 == 1 { part.1 } else { part.0 }) - 1 - u;
            }
            let there = whole.position([corner.0 + x, corner.1 + y].map(f64::from));
            prop_assert_eq!(seen.position([u, v].map(f64::from)), there);
            prop_assert_eq!(seen.steps[2], whole.steps[2]);
        }
    }

    #[test]
    fn a_region_outside_says_where_it_lies() {
        let region = PixelRect {
            x: u32::MAX,
            y: 0,
            width: 20,
            height: 20,
        };
        let outside = view(0, false, Some(region)).write(&picture(30, 30), &mut picture(1, 1));
        let Err(SourceError::Garbage(cause)) = outside else {
            panic!("{outside:?}");
        };
        let expected = RegionError {
            region,
            size: [30, 30],
        };
        assert_eq!(cause.downcast_ref(), Some(&expected));
        assert!(
            expected.to_string().contains("at 4294967295,0"),
            "{expected}"
        );
        let limits = FrameLimits::default();
        assert!(view(0, false, Some(region)).check(&limits).is_ok());
        let thin = PixelRect { width: 3, ..region };
        assert!(view(0, false, Some(thin)).check(&limits).is_err());
    }

    #[test]
    fn a_view_is_read_and_written_and_nothing_else() {
        let text = r#"{"region":{"x":1,"y":2,"width":30,"height":40},"rotate":270,"mirror":true,"crop":"auto"}"#;
        let read: SourceView = serde_json::from_str(text).unwrap();
        let region = PixelRect {
            x: 1,
            y: 2,
            width: 30,
            height: 40,
        };
        let expected = SourceView {
            crop: Some(SurroundCrop::Auto),
            ..view(270, true, Some(region))
        };
        assert_eq!(read, expected);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let plain: SourceView = serde_json::from_str("{}").unwrap();
        assert!(plain.is_plain() && plain == SourceView::default());
        for wrong in [
            r#"{"rotate":45}"#,
            r#"{"turn":90}"#,
            r#"{"crop":"none"}"#,
            r#"{"region":{"x":1}}"#,
        ] {
            assert!(
                serde_json::from_str::<SourceView>(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
