#![no_main]

use picture::frame::Format;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::pictures::check(Format::Tiff, data));
