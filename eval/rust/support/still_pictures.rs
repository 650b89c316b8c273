//! Pictures on their way to stills and back.

use image::RgbImage;
use neural_codec::error::Result;
use neural_codec::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Plane, Planes};
use neural_codec::still::StillPicture;

/// A picture of ten bits, as photos are coded from.
pub(crate) fn at_ten_bits(rgb: &RgbImage) -> StillPicture {
    let ten_bits = |sample: u8| ((u32::from(sample) * 1023 + 127) / 255) as u16;
    let plane = |color: usize| rgb.pixels().map(|pixel| ten_bits(pixel.0[color])).collect();
    StillPicture {
        width: rgb.width(),
        height: rgb.height(),
        bit_depth: 10,
        planes: [plane(0), plane(1), plane(2)],
    }
}

/// A picture of ten bits as a frame.
pub(crate) fn rgb_of(still: &StillPicture) -> Result<Frame> {
    let (width, height) = (still.width as usize, still.height as usize);
    let plane = |samples: &Vec<u16>| Plane::from_samples(width, height, samples.clone());
    let [red, green, blue] = still.planes.each_ref().map(plane);
    let format = PixelFormat { layout: Layout::Rgb, depth: BitDepth::Ten };
    Frame::from_planes(Planes::U16([red?, green?, blue?]), format, Color::default())
}
