//! A tensor's type, and its values as JSON has them: read as they come, without a tree of them in memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Deepest nesting of arrays: a picture has rows, pixels and colours.
const DEEPEST: usize = 4;

/// The types that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Bytes as numbers.
    Uint8,
    /// A text or a file, with its length.
    Bytes,
    /// Single precision.
    Fp32,
    /// Whole numbers.
    Int64,
}

impl DataType {
    /// What the protocol calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uint8 => "UINT8",
            Self::Bytes => "BYTES",
            Self::Fp32 => "FP32",
            Self::Int64 => "INT64",
        }
    }
}

impl Serialize for DataType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Values of an input: numbers 0 to 255, row-major, flat or nested; or one text.
///
/// A number takes two bytes of JSON at least and one here, so what is read is never larger than the body that it came in.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct InputValues {
    /// The numbers.
    pub numbers: Vec<u8>,
    /// The text.
    pub text: Option<String>,
}

impl<'de> Deserialize<'de> for InputValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Self::default();
        let into = IntoValues {
            values: &mut values,
            depth: 0,
        };
        into.deserialize(deserializer)?;
        Ok(values)
    }
}

/// Reads what comes next into the values.
struct IntoValues<'a> {
    values: &'a mut InputValues,
    /// Arrays around it.
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for IntoValues<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.depth {
            0 => deserializer.deserialize_seq(self),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for IntoValues<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of whole numbers from 0 to 255, or of one text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let Self { values, depth } = self;
        if depth == DEEPEST {
            let text = format!("arrays are nested deeper than {DEEPEST}");
            return Err(A::Error::custom(text));
        }
        loop {
            let into = IntoValues {
                values,
                depth: depth + 1,
            };
            if array.next_element_seed(into)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let byte = u8::try_from(value).map_err(|_| E::custom(format!("{value} is no UINT8")))?;
        self.values.numbers.push(byte);
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<(), E> {
        match self.values.text.replace(value) {
            None => Ok(()),
            Some(_) => Err(E::custom("there is more than one text")),
        }
    }
}
