#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| neural_codec_fuzz::photo(data));
