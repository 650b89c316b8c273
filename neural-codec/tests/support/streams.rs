//! Streams decoded to hashes, and streams whose first scene is changed.

use std::io::Cursor;

use neural_codec::bitstream::{Limits, NeuralFilter, PacketWriter, ScenePackets, SceneReader};
use neural_codec::decoder::{DecoderSettings, StreamDecoder};
use neural_codec::error::Error;
use neural_codec::frame::FrameHash;

/// Weights over every scene at any effort, however little they save.
pub const WEIGHTS_ANYWHERE: &str = "[wiener]\nfrom_effort = 0\nleast_bytes = 0\nworth = 0.0\n";

/// The hashes of a stream's frames.
pub fn decoded(bytes: &[u8]) -> Result<Vec<FrameHash>, Error> {
    let mut decoder = StreamDecoder::new(bytes, DecoderSettings::default())?;
    let mut hashes = Vec::new();
    while let Some(frame) = decoder.decode_frame()? {
        hashes.push(FrameHash::of(&frame));
    }
    Ok(hashes)
}

/// The stream with its first scene changed, and no other.
pub fn changed(bytes: &[u8], change: impl FnOnce(&mut ScenePackets)) -> Vec<u8> {
    let mut reader = SceneReader::open(Cursor::new(bytes), Limits::default()).unwrap();
    let mut scene = reader.scene(0).unwrap();
    change(&mut scene);
    let mut writer = PacketWriter::new(Vec::new(), reader.header(), Limits::default()).unwrap();
    writer.write_scene(&scene).unwrap();
    writer.finish().unwrap()
}

/// The same, the filter of the scene changed.
pub fn with_filter(bytes: &[u8], change: impl FnOnce(&mut NeuralFilter)) -> Vec<u8> {
    changed(bytes, |scene| change(scene.filter.as_mut().unwrap()))
}
