//! Generated clips, and the libraries to try them on.
#![allow(clippy::print_stderr, reason = "a test that skips says so")]

use std::path::Path;
use std::sync::Arc;

use crate::base::{EncoderConfig, Library, SvtAv1Encoder, TemporalUnit};
use crate::error::Result;
use crate::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Planes, Rational, Sample};

/// Libraries to test beside the system's: paths with `:` between.
const MORE: &str = "NEURAL_CODEC_TEST_SVTAV1";

/// The system's library, and those that the variable names.
pub(super) fn libraries() -> Vec<Arc<Library>> {
    let mut libraries = vec![Library::load(None).expect("the tests of the base layer need SVT-AV1")];
    match std::env::var(MORE) {
        Ok(paths) => libraries.extend(
            paths.split(':').filter(|p| !p.is_empty()).map(|p| Library::load(Some(Path::new(p))).unwrap()),
        ),
        Err(_) => eprintln!("skipped: other versions of SVT-AV1, as {MORE} is not set"),
    }
    libraries
}

pub(super) fn library() -> Arc<Library> {
    Library::load(None).expect("the tests of the base layer need SVT-AV1")
}

/// Moving waves with a little noise: something to predict, something to code, and no two frames alike.
pub(super) fn clip(width: usize, height: usize, depth: BitDepth, frames: usize) -> Vec<Frame> {
    let format = PixelFormat { layout: Layout::Yuv420, depth };
    let max = f64::from(depth.max_value());
    let mut noise = 1_u32;
    (0..frames)
        .map(|t| {
            let mut frame = Frame::new(width, height, format, Color::default()).unwrap();
            let mut fill = |plane: usize, x: usize, y: usize| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let grain = f64::from(noise >> 16) / 65536.0 - 0.5;
                let (x, y, t) = (x as f64, y as f64, t as f64);
                let wave = match plane {
                    0 => ((x - 1.5 * t) * 0.21).sin() * ((y + 0.5 * t) * 0.13).cos(),
                    1 => ((x + y + t) * 0.1).sin(),
                    _ => ((x - y - t) * 0.1).cos(),
                };
                (max * (0.5 + 0.4 * wave + 0.02 * grain)).round().clamp(0.0, max) as u16
            };
            fn each<T: Sample>(
                planes: &mut [crate::frame::Plane<T>; 3],
                fill: &mut impl FnMut(usize, usize, usize) -> u16,
            ) {
                for (index, plane) in planes.iter_mut().enumerate() {
                    let width = plane.width();
                    for y in 0..plane.height() {
                        for x in 0..width {
                            plane.row_mut(y)[x] = T::saturating_from(fill(index, x, y));
                        }
                    }
                }
            }
            match frame.planes_mut() {
                Planes::U8(planes) => each(planes, &mut fill),
                Planes::U16(planes) => each(planes, &mut fill),
            }
            frame.with_timestamp(t as i64)
        })
        .collect()
}

pub(super) fn config(frames: &[Frame]) -> EncoderConfig {
    let rate = Rational { num: 30, den: 1 };
    let depth = frames[0].format().depth;
    EncoderConfig { depth, preset: 10, ..EncoderConfig::new(frames[0].width(), frames[0].height(), rate) }
}

pub(super) fn encode(
    library: &Arc<Library>,
    config: &EncoderConfig,
    frames: &[Frame],
) -> Result<Vec<TemporalUnit>> {
    let mut encoder = SvtAv1Encoder::new(library, config)?;
    let mut units = Vec::new();
    for frame in frames {
        encoder.send(frame.clone())?;
        while let Some(unit) = encoder.receive()? {
            units.push(unit);
        }
    }
    encoder.finish()?;
    while let Some(unit) = encoder.receive()? {
        units.push(unit);
    }
    Ok(units)
}
