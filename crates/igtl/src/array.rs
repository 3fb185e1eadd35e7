//! NDARRAY: numbers in so many dimensions.

use crate::fault::IgtlFault;
use crate::fields::IgtlFields;
use crate::scalar::ScalarKind;

/// Numbers in so many dimensions, the last one running fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayMessage<'a> {
    /// What each is.
    pub scalar: ScalarKind,
    /// Length of each dimension, in two bytes.
    sides: &'a [u8],
    /// The numbers, big-endian.
    pub data: &'a [u8],
}

impl<'a> ArrayMessage<'a> {
    /// Reads it from a message's content.
    ///
    /// # Errors
    /// [`IgtlFault`] of its fields; [`IgtlFault::Length`] where the numbers do not fill its sides, to the byte.
    pub fn read(content: &'a [u8]) -> Result<Self, IgtlFault> {
        let mut fields = IgtlFields::of("an array", content);
        let scalar = ScalarKind::of(fields.u8()?)?;
        let dimensions = usize::from(fields.u8()?);
        let sides = fields.slice(2 * dimensions)?;
        let data = fields.rest();
        let array = Self {
            scalar,
            sides,
            data,
        };
        // Of 255 dimensions it may be beyond counting: then it is beyond what is here as well.
        let count = array
            .sides()
            .try_fold(u64::from(scalar.bytes()), |count, side| {
                count.checked_mul(u64::from(side))
            });
        match count == Some(data.len() as u64) {
            true => Ok(array),
            false => Err(IgtlFault::Length {
                what: "an array",
                expected: count.unwrap_or(u64::MAX),
                found: data.len() as u64,
            }),
        }
    }

    /// Length of each dimension.
    pub fn sides(&self) -> impl Iterator<Item = u16> + 'a {
        let pairs = self.sides.as_chunks::<2>().0.iter();
        pairs.map(|side| u16::from_be_bytes(*side))
    }

    /// Adds a square of real numbers of 32 bits, row by row, to a message's content; nothing if they do not fill it.
    pub fn write_square(side: u16, values: &[f32], out: &mut Vec<u8>) {
        if values.len() != usize::from(side).pow(2) {
            return;
        }
        out.extend([ScalarKind::Float32.code(), 2]);
        out.extend([side, side].iter().flat_map(|side| side.to_be_bytes()));
        out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_square_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        ArrayMessage::write_square(2, &[1.0, -2.0, 0.5, 0.0], &mut bytes);
        let array = ArrayMessage::read(&bytes).unwrap();
        assert_eq!(array.scalar, ScalarKind::Float32);
        assert!(array.sides().eq([2, 2]));
        assert_eq!(array.data[4..8], (-2.0_f32).to_be_bytes());
        let mut none = Vec::new();
        ArrayMessage::write_square(2, &[1.0], &mut none);
        assert!(none.is_empty());
    }

    #[test]
    fn sides_that_lie_are_refused() {
        for bytes in [
            &[3, 1, 0, 3, 1, 2][..],
            &[3, 1, 0, 1, 1, 2],
            &[3, 2, 0, 1],
            &[9, 0],
            &[3],
        ] {
            assert!(ArrayMessage::read(bytes).is_err(), "{bytes:?}");
        }
        let beyond = [&[3, 255][..], &[0xff; 510]].concat();
        let refused = ArrayMessage::read(&beyond);
        assert!(
            matches!(refused, Err(IgtlFault::Length { .. })),
            "{refused:?}"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_array_or_a_fault(bytes: Vec<u8>) {
            if let Ok(array) = ArrayMessage::read(&bytes) {
                let sides = 2 * array.sides().count();
                prop_assert_eq!(2 + sides + array.data.len(), bytes.len());
            }
        }
    }
}
