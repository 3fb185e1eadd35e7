#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::video::check_y4m_stream(data));
