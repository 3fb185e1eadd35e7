#![no_main]

use picture::frame::Format;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::check(Format::Tiff, data));
