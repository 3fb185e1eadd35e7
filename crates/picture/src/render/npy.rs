//! NumPy's array file, version 1.0 (`numpy.lib.format`).

use super::RenderError;

/// What an array can hold.
pub trait NpyValue: Copy {
    /// The type's name in NumPy, little-endian.
    const DESCR: &'static str;

    /// Appends the value's bytes, little-endian.
    fn put(self, file: &mut Vec<u8>);
}

impl NpyValue for f32 {
    const DESCR: &'static str = "<f4";

    fn put(self, file: &mut Vec<u8>) {
        file.extend(self.to_le_bytes());
    }
}

impl NpyValue for u8 {
    const DESCR: &'static str = "|u1";

    fn put(self, file: &mut Vec<u8>) {
        file.push(self);
    }
}

impl NpyValue for i64 {
    const DESCR: &'static str = "<i8";

    fn put(self, file: &mut Vec<u8>) {
        file.extend(self.to_le_bytes());
    }
}

/// Writes values in C order (last axis fastest) as a `.npy` file.
///
/// # Errors
/// [`RenderError::Shape`] if the values do not fill the shape, [`RenderError::Encode`] if the shape has more axes
/// than a version 1.0 header can hold.
pub fn write<T: NpyValue>(shape: &[usize], values: &[T]) -> Result<Vec<u8>, RenderError> {
    const ALIGN: usize = 64;
    const BEFORE_HEADER: usize = 10; // magic, version, header length
    RenderError::check_shape("array", values.len(), shape)?;

    // A Python tuple: one axis is "(n,)".
    let axes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let tuple = if shape.len() == 1 {
        axes.trim_end()
    } else {
        axes.trim_end_matches(", ")
    };
    let descr = T::DESCR;
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({tuple}), }}");
    // Spaces and a newline, so that the values start at a multiple of 64 bytes.
    let unpadded = BEFORE_HEADER + header.len() + 1;
    header.extend(std::iter::repeat_n(
        ' ',
        unpadded.next_multiple_of(ALIGN) - unpadded,
    ));
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(|_| RenderError::encode("too many axes"))?;

    let mut file = Vec::with_capacity(BEFORE_HEADER + header.len() + size_of_val(values));
    file.extend(b"\x93NUMPY\x01\x00");
    file.extend(length.to_le_bytes());
    file.extend(header.bytes());
    for value in values {
        value.put(&mut file);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What NumPy 2 writes for an array `[2, 3]` of a type: its header, then the values' bytes.
    fn numpy(descr: &str, values: &[u8]) -> Vec<u8> {
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend(
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 3), }}").bytes(),
        );
        file.resize(127, b' ');
        file.push(b'\n');
        file.extend(values);
        file
    }

    /// Bytes written by NumPy 2: `np.save(f, np.array([[1.5, -2, 0], [3, 4, 5]], dtype="<f4"))`, and so on.
    #[test]
    fn equals_numpy() {
        let floats = [
            0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0,
            0xa0, 0x40,
        ];
        assert_eq!(
            write(&[2, 3], &[1.5_f32, -2.0, 0.0, 3.0, 4.0, 5.0]).unwrap(),
            numpy("<f4", &floats)
        );
        let bytes = [0, 1, 2, 127, 128, 255];
        assert_eq!(write(&[2, 3], &bytes).unwrap(), numpy("|u1", &bytes));
        let integers = [0_i64, 1, -1, 2, i64::MAX, i64::MIN];
        let raw = integers.map(i64::to_le_bytes);
        assert_eq!(
            write(&[2, 3], &integers).unwrap(),
            numpy("<i8", raw.as_flattened())
        );
    }

    #[test]
    fn tuples_as_python_writes_them() {
        for (shape, tuple) in [
            (&[][..], "()"),
            (&[4], "(4,)"),
            (&[1, 2, 2], "(1, 2, 2)"),
            (&[0, 3], "(0, 3)"),
        ] {
            let file = write(shape, &vec![0.0_f32; shape.iter().product()]).unwrap();
            assert!(
                String::from_utf8_lossy(&file).contains(&format!("'shape': {tuple}, }}")),
                "{tuple}"
            );
        }
    }

    #[test]
    fn values_must_fill_the_shape() {
        let refused = write(&[2, 3], &[0_u8; 5]).unwrap_err();
        assert_eq!(refused.to_string(), "array: 5 values where 6 belong");
        assert!(write::<f32>(&[usize::MAX, 2], &[]).is_err());
    }

    proptest! {
        #[test]
        fn header_is_aligned_and_values_follow(shape in prop::collection::vec(1_usize..4, 0..6)) {
            let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| i as f32).collect();
            let file = write(&shape, &values).unwrap();
            let start = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
            prop_assert_eq!((start % 64, file[start - 1]), (0, b'\n'));
            let read: Vec<f32> = file[start..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            prop_assert_eq!(read, values);
        }
    }
}
