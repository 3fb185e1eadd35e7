//! The header of every message: 58 bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::fault::IgtlFault;
use crate::fields::IgtlFields;
use crate::name::{DeviceName, TypeName};

/// Bytes of a header.
pub const IGTL_HEADER: usize = 58;

/// The header's version. Protocols 1 and 2 have the first, 2 and 3 the second; what says 3 is read as 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeaderVersion {
    /// A body is its content.
    One,
    /// Before the content stands a header more, behind it what else is said of it.
    Two,
}

impl HeaderVersion {
    fn of(found: u16) -> Result<Self, IgtlFault> {
        match found {
            1 => Ok(Self::One),
            2 | 3 => Ok(Self::Two),
            _ => Err(IgtlFault::Version(found)),
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// A time of day: seconds since 1970 (UTC) in 32 bits, and 2⁻³² of them in 32 more; 0: not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IgtlStamp(pub u64);

impl IgtlStamp {
    /// Of that time; before 1970 not said, after 2106 the last that can be.
    #[must_use]
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let Ok(seconds) = u32::try_from(since.as_secs()) else {
            return Self(u64::MAX);
        };
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        Self(u64::from(seconds) << 32 | fraction)
    }
}

/// What is said of a message before it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IgtlHeader {
    /// The header's version.
    pub version: HeaderVersion,
    /// The message's type.
    pub kind: TypeName,
    /// Whose it is.
    pub device: DeviceName,
    /// When that was so.
    pub stamp: IgtlStamp,
    /// Bytes that follow.
    pub length: u64,
    /// Their CRC.
    pub crc: u64,
}

impl IgtlHeader {
    /// Reads it.
    ///
    /// # Errors
    /// [`IgtlFault::Version`].
    pub fn read(bytes: &[u8; IGTL_HEADER]) -> Result<Self, IgtlFault> {
        let mut fields = IgtlFields::of("a header", bytes);
        Ok(Self {
            version: HeaderVersion::of(fields.u16()?)?,
            kind: TypeName::of_bytes(fields.bytes()?),
            device: DeviceName::of_bytes(fields.bytes()?),
            stamp: IgtlStamp(fields.u64()?),
            length: fields.u64()?,
            crc: fields.u64()?,
        })
    }

    /// As it goes.
    #[must_use]
    pub fn bytes(&self) -> [u8; IGTL_HEADER] {
        let mut bytes = [0; IGTL_HEADER];
        let parts: [&[u8]; 6] = [
            &self.version.number().to_be_bytes(),
            self.kind.bytes(),
            self.device.bytes(),
            &self.stamp.0.to_be_bytes(),
            &self.length.to_be_bytes(),
            &self.crc.to_be_bytes(),
        ];
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stamp_is_seconds_and_their_fraction() {
        let at = |ms| IgtlStamp::of(UNIX_EPOCH + Duration::from_millis(ms));
        assert_eq!(at(1500).0, 1 << 32 | 1 << 31);
        assert_eq!(IgtlStamp::of(UNIX_EPOCH - Duration::from_secs(9)), at(0));
        assert_eq!(at(u64::MAX / 2).0, u64::MAX);
    }

    proptest! {
        #[test]
        fn a_header_is_read_as_it_was_written(
            two: bool, kind: [u8; 12], device: [u8; 20], stamp: u64, length: u64, crc: u64,
        ) {
            let header = IgtlHeader {
                version: if two { HeaderVersion::Two } else { HeaderVersion::One },
                kind: TypeName::of_bytes(kind),
                device: DeviceName::of_bytes(device),
                stamp: IgtlStamp(stamp),
                length,
                crc,
            };
            prop_assert_eq!(IgtlHeader::read(&header.bytes()), Ok(header));
        }

        #[test]
        fn another_version_is_refused(version: u16, rest: [u8; 32]) {
            let mut bytes = [0; IGTL_HEADER];
            bytes[2..34].copy_from_slice(&rest);
            bytes[..2].copy_from_slice(&version.to_be_bytes());
            let read = IgtlHeader::read(&bytes);
            prop_assert_eq!(read.is_ok(), (1..=3).contains(&version));
        }
    }
}
