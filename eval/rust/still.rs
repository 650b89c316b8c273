//! Codes pictures as neural stills and prints what that gave.
//!
//! ```text
//! still EFFORT LAMBDA[,LAMBDA...] PICTURE...
//! ```
//! One line a coding: picture, effort, lambda, bytes, bits a pixel, psnr_rgb as decoded and as seen with the filter that photos have over
//! it, seconds of processor time and of the clock to encode, to decode, and to filter.

#[path = "support/still_pictures.rs"]
mod still_pictures;

use std::time::Instant;

use cpu_time::ProcessTime;
use image::RgbImage;
use neural_codec::bitstream::{Limits, PhotoFilter};
use neural_codec::defaults::Defaults;
use neural_codec::filter::{Filter, STILL_NETWORK, photo_network};
use neural_codec::frame::{BitDepth, OwnColors, Plane, Planes};
use neural_codec::still::{self, StillPicture, StillSettings, StillTarget};
use still_pictures::{at_ten_bits, rgb_of};

type Failure = Box<dyn std::error::Error>;

/// A picture of eight bits.
fn at_eight_bits(rgb: &RgbImage) -> StillPicture {
    let plane = |color: usize| rgb.pixels().map(|pixel| u16::from(pixel.0[color])).collect();
    let planes = [plane(0), plane(1), plane(2)];
    StillPicture { width: rgb.width(), height: rgb.height(), bit_depth: 8, planes }
}

/// A decoded still of ten bits as a reader sees it: eight bits, with a filter over it.
fn seen(still: &StillPicture, quantizer: u8) -> Result<StillPicture, Failure> {
    let network = photo_network(PhotoFilter { network: STILL_NETWORK, quantizer })?;
    let planes = Filter::new(&network).apply(&OwnColors::planes_of_still(&rgb_of(still)?)?, 0, None)?;
    let rgb = OwnColors::OF_STILLS.rgb_of(&planes, BitDepth::Eight)?;
    let Planes::U8(planes) = rgb.planes() else { return Err("ten bits".into()) };
    let samples = |plane: &Plane<u8>| plane.samples().iter().map(|&sample| u16::from(sample)).collect();
    Ok(StillPicture { bit_depth: 8, planes: planes.each_ref().map(samples), ..*still })
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [effort, lambdas, paths @ ..] = &arguments[..] else {
        return Err("usage: still EFFORT LAMBDA[,LAMBDA...] PICTURE...".into());
    };
    for path in paths {
        let rgb = image::open(path)?.to_rgb8();
        let (picture, ten_bits) = (at_eight_bits(&rgb), at_ten_bits(&rgb));
        let name = std::path::Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for lambda in lambdas.split(',') {
            let settings = StillSettings::new(effort.parse()?, StillTarget::Lambda(lambda.parse()?));
            let (clock, wall) = (ProcessTime::now(), Instant::now());
            let bytes = still::encode(&ten_bits, &settings, &mut |_| {})?;
            let (encoding, encoding_wall) = (clock.elapsed(), wall.elapsed());
            let (clock, wall) = (ProcessTime::now(), Instant::now());
            let decoded = still::decode(&bytes, &Limits::default(), 0)?;
            let (decoding, decoding_wall) = (clock.elapsed(), wall.elapsed());
            let (clock, wall) = (ProcessTime::now(), Instant::now());
            let mut best = f64::NEG_INFINITY;
            let quantizers = Defaults::default().photo.still_filters;
            for quantizer in quantizers {
                best = best.max(picture.psnr_rgb(&seen(&decoded, quantizer)?)?);
            }
            let tried = quantizers.len() as f64;
            let (filtering, filtering_wall) = (clock.elapsed(), wall.elapsed());
            println!(
                "{name} {effort} {lambda} {} {:.4} {:.3} {best:.3} {:.2} {:.2} {:.3} {:.3} {:.3} {:.3}",
                bytes.len(),
                bytes.len() as f64 * 8.0 / f64::from(picture.width * picture.height),
                ten_bits.psnr_rgb(&decoded)?,
                encoding.as_secs_f64(),
                encoding_wall.as_secs_f64(),
                decoding.as_secs_f64(),
                decoding_wall.as_secs_f64(),
                filtering.as_secs_f64() / tried,
                filtering_wall.as_secs_f64() / tried,
            );
        }
    }
    Ok(())
}
