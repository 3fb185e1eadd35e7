//! Where a picture lies in the room, as a navigation system says it.

use igtl::{IgtlStamp, ImageMatrix, WorldAxes};
use picture::scale::PixelSize;

/// Where a picture lies in the room, and when: millimetres, by the axes of whoever says so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Placement {
    /// From one pixel to the next, by column and by row; and how thick the picture is.
    pub steps: [[f64; 3]; 3],
    /// The middle of the top left pixel.
    pub origin: [f64; 3],
    /// Which way the axes point.
    pub axes: WorldAxes,
    /// When it was taken, by the clock of whoever says so.
    pub stamp: IgtlStamp,
}

impl Placement {
    /// Of a picture of that size, width and height, with the matrix of its message: that tells where the middle is.
    #[must_use]
    pub fn of_matrix(matrix: &ImageMatrix, size: [u32; 2]) -> Self {
        let steps = matrix.steps.map(|step| step.map(f64::from));
        let [x, y] = middle(size);
        let origin =
            |axis: usize| f64::from(matrix.centre[axis]) - x * steps[0][axis] - y * steps[1][axis];
        Self {
            steps,
            origin: std::array::from_fn(origin),
            ..Self::default()
        }
    }

    /// The matrix of a picture of that size, width and height, that lies so.
    #[must_use]
    pub fn matrix(&self, size: [u32; 2]) -> ImageMatrix {
        ImageMatrix {
            steps: self.steps.map(|step| step.map(|mm| mm as f32)),
            centre: self.position(middle(size)).map(|mm| mm as f32),
        }
    }

    /// Of a picture of which no more is known than how large its pixels are: it lies at the room's middle.
    #[must_use]
    pub fn of_pixel(pixel: PixelSize) -> Self {
        let [column, row] = pixel.mm();
        Self {
            steps: [[column, 0.0, 0.0], [0.0, row, 0.0], [0.0, 0.0, 1.0]],
            ..Self::default()
        }
    }

    /// Where the middle of the pixel at x, y (px) lies.
    #[must_use]
    pub fn position(&self, [x, y]: [f64; 2]) -> [f64; 3] {
        let [column, row, _] = &self.steps;
        std::array::from_fn(|axis| self.origin[axis] + x * column[axis] + y * row[axis])
    }

    /// How large its pixels are, to the nanometre: what 32 bits say beyond that is noise. `None` where a pixel is said to be
    /// 1 mm by 1 mm: senders that know nothing of a scale say so, and a millimetre that nobody measured must not be told; and
    /// where it is said to be nothing, or beyond [`PixelSize::LARGEST`].
    #[must_use]
    pub fn pixel(&self) -> Option<PixelSize> {
        let [column, row, _] = self.steps;
        let length = |[x, y, z]: [f64; 3]| {
            let mm = (x * x + y * y + z * z).sqrt();
            (mm * NANOMETRES).round() / NANOMETRES
        };
        let mm = [length(column), length(row)];
        match mm == [1.0, 1.0] {
            true => None,
            false => PixelSize::new(mm).ok(),
        }
    }
}

/// In a millimetre.
const NANOMETRES: f64 = 1e6;

/// Columns and rows from the top left pixel's middle to the picture's.
fn middle(size: [u32; 2]) -> [f64; 2] {
    size.map(|side| (f64::from(side) - 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pixel_is_as_long_as_its_step_and_a_millimetre_is_not_known() {
        let with = |steps| Placement {
            steps,
            ..Placement::default()
        };
        let tilted = with([[0.3, 0.4, 0.0], [0.0, 0.0, -0.25], [1.0; 3]]);
        assert_eq!(tilted.pixel(), PixelSize::new([0.5, 0.25]).ok());
        let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(with(unit).pixel(), None);
        let (turned, thin) = (f64::from(0.6_f32), f64::from(0.8_f32));
        let tilted = [[turned, thin, 0.0], [thin, -turned, 0.0], unit[2]];
        assert_eq!(with(tilted).pixel(), None, "however it lies");
        let said = [
            [f64::from(0.2_f32), 0.0, 0.0],
            [0.0, f64::from(0.3_f32), 0.0],
            unit[2],
        ];
        assert_eq!(with(said).pixel(), PixelSize::new([0.2, 0.3]).ok());
        assert_eq!(with([[0.0; 3]; 3]).pixel(), None);
        assert_eq!(with([[f64::NAN; 3]; 3]).pixel(), None);
        let pixel = PixelSize::new([0.2, 0.3]).unwrap();
        assert_eq!(Placement::of_pixel(pixel).pixel(), Some(pixel));
    }

    proptest! {
        #[test]
        fn a_matrix_goes_out_as_it_came(
            numbers in prop::array::uniform12(-500.0..500.0_f32), width in 1..2000_u32, height in 1..2000_u32,
        ) {
            let three = |i: usize| [numbers[i], numbers[i + 1], numbers[i + 2]];
            let came = ImageMatrix { steps: [three(0), three(3), three(6)], centre: three(9) };
            let goes = Placement::of_matrix(&came, [width, height]).matrix([width, height]);
            prop_assert_eq!(goes.steps, came.steps);
            for (goes, came) in goes.centre.iter().zip(came.centre) {
                // Of numbers that are thousands of times larger the last bit may be another.
                prop_assert!((goes - came).abs() <= came.abs() * f32::EPSILON + 1e-9);
            }
        }
    }
}
