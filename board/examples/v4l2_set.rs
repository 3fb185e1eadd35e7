//! `v4l2_set DEVICE CONTROL VALUE`: sets one integer control of a camera, its number as `0x…` or decimal. For the emulated board,
//! whose virtual camera (`vivid`) is unplugged and shows other pictures by controls.

use moq_v4l::Device;
use moq_v4l::control::{Control, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [device, id, value] = args.as_slice() else {
        return Err("v4l2_set DEVICE CONTROL VALUE".into());
    };
    let id = match id.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16)?,
        None => id.parse()?,
    };
    let value = Value::Integer(value.parse()?);
    Ok(Device::with_path(device)?.set_control(Control { id, value })?)
}
