//! P-DATA-TF (PS3.8, 9.3.5 and E.2): values, each a fragment of a command or of a data set.

use super::PduFault;
use super::fields::Fields;

const COMMAND: u8 = 1;
const LAST: u8 = 2;

/// A presentation data value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataValue<'a> {
    pub context: u8,
    pub is_command: bool,
    pub is_last: bool,
    pub bytes: &'a [u8],
}

/// The values of a PDU's body, as far as they are right.
pub(crate) fn data_values(body: &[u8]) -> impl Iterator<Item = Result<DataValue<'_>, PduFault>> {
    let mut fields = Fields::new(body, "a data value");
    let mut broken = false;
    std::iter::from_fn(move || {
        (!broken && !fields.is_empty()).then(|| {
            let value = value(&mut fields);
            broken = value.is_err();
            value
        })
    })
}

fn value<'a>(fields: &mut Fields<'a>) -> Result<DataValue<'a>, PduFault> {
    let length = fields.long()?;
    let mut own = Fields::new(fields.bytes(length as usize)?, "a data value's header");
    let [context, header] = own.array()?;
    Ok(DataValue {
        context,
        is_command: header & COMMAND != 0,
        is_last: header & LAST != 0,
        bytes: own.rest(),
    })
}

/// Appends a value to a PDU's body.
pub(crate) fn put_data_value(value: DataValue<'_>, body: &mut Vec<u8>) {
    let flag = |is: bool, bit: u8| if is { bit } else { 0 };
    body.extend((value.bytes.len() as u32 + 2).to_be_bytes());
    body.push(value.context);
    body.push(flag(value.is_command, COMMAND) | flag(value.is_last, LAST));
    body.extend(value.bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_written_and_a_lying_length_ends_them() {
        let value = DataValue {
            context: 3,
            is_command: true,
            is_last: false,
            bytes: b"abc",
        };
        let other = DataValue {
            is_command: false,
            is_last: true,
            bytes: b"",
            ..value
        };
        let mut body = Vec::new();
        put_data_value(value, &mut body);
        put_data_value(other, &mut body);
        let read: Result<Vec<_>, _> = data_values(&body).collect();
        assert_eq!(read, Ok(vec![value, other]));
        for lie in [0_u32, 1, 12, u32::MAX] {
            body.splice(9..13, lie.to_be_bytes());
            let read: Vec<_> = data_values(&body).collect();
            assert_eq!(read.len(), 2, "{lie}");
            assert!(read[1].is_err(), "{lie}");
        }
    }
}
