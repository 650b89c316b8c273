//! Pictures that tests code as photos, and what is asked of stored ones.

use neural_codec::decoder::{DecoderSettings, decode_photo_bytes};
use neural_codec::simd::InstructionSet;

/// Decodes a photo on every instruction set; its samples are compared with the hash that the file has.
pub(crate) fn decode_on_every_instruction_set(file: &[u8]) {
    let before = InstructionSet::current();
    for set in InstructionSet::available() {
        assert!(set.force());
        decode_photo_bytes(file, &DecoderSettings::default()).unwrap();
    }
    before.force();
}

/// Soft shapes with edges and grain, as photos have.
pub(crate) fn soft_shapes(width: u32, height: u32) -> image::RgbImage {
    let mut random = neural_codec::filter::train::Random::new(5);
    image::RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let shape = |scale: f64, turn: f64| ((x * turn.cos() + y * turn.sin()) / scale).sin();
        let light = 120.0 + 50.0 * shape(19.0, 0.3) + if shape(11.0, 1.9) > 0.2 { 40.0 } else { 0.0 };
        let grain = 5.0 * f64::from(random.normal());
        image::Rgb([1.0, 0.9, 0.7].map(|share| (light * share + grain).clamp(0.0, 255.0) as u8))
    })
}
