#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::packages::check_package(data));
