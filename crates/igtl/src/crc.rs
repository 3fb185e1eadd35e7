//! The CRC of bodies: 64 bits by the polynomial of ECMA-182, annex B, from 0, most significant bit first, nothing inverted.

const POLYNOMIAL: u64 = 0x42f0_e1eb_a9ea_3693;

/// What each byte does to an empty register.
const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut register = (byte as u64) << 56;
        let mut bit = 0;
        while bit < 8 {
            let carry = register >> 63 == 1;
            register <<= 1;
            if carry {
                register ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = register;
        byte += 1;
    }
    table
};

/// The CRC of these bytes.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |register: u64, byte| {
        let index = (register >> 56) as u8 ^ byte;
        TABLE[usize::from(index)] ^ (register << 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-64/ECMA-182; pyigtl's function gives it as well.
    #[test]
    fn the_check_value_is_that_of_ecma_182() {
        assert_eq!(crc64(b"123456789"), 0x6c40_df5f_0b49_7347);
        assert_eq!(crc64(b""), 0);
    }
}
