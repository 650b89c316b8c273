//! What measures decoding runs on a stream.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at the first error")]

use std::process::Command;

#[test]
fn decode_speed_times_every_frame_of_a_stream() {
    let stream = concat!(env!("CARGO_MANIFEST_DIR"), "/../neural-codec/tests/data/golden-v1.nvc");
    let done = Command::new(env!("CARGO_BIN_EXE_decode_speed")).arg(stream).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let shown = String::from_utf8(done.stdout).unwrap();
    assert!(shown.starts_with(stream) && shown.contains(" frames, "), "{shown}");
}
