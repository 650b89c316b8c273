//! Codes pictures as neural stills and prints what that gave.
//!
//! ```text
//! still EFFORT LAMBDA[,LAMBDA...] PICTURE...
//! ```
//! One line a coding: picture, effort, lambda, bytes, bits a pixel, psnr_rgb as decoded and as seen with the filter that photos have over
//! it, seconds of processor time and of the clock to encode, to decode, and to filter.

use std::time::Instant;

use cpu_time::ProcessTime;
use neural_codec::bitstream::{Limits, PhotoFilter};
use neural_codec::defaults::Defaults;
use neural_codec::filter::{Filter, STILL_NETWORK, photo_network};
use neural_codec::frame::{BitDepth, Color, Frame, Layout, OwnColors, PixelFormat, Plane, Planes};
use neural_codec::still::{self, StillPicture, StillSettings, StillTarget};

type Failure = Box<dyn std::error::Error>;

/// A picture of eight bits.
fn read(path: &str) -> Result<StillPicture, Failure> {
    let rgb = image::open(path)?.to_rgb8();
    let plane = |color: usize| rgb.pixels().map(|pixel| u16::from(pixel.0[color])).collect();
    let planes = [plane(0), plane(1), plane(2)];
    Ok(StillPicture { width: rgb.width(), height: rgb.height(), bit_depth: 8, planes })
}

/// The same at ten bits, as photos are coded from.
fn at_ten_bits(picture: &StillPicture) -> StillPicture {
    let scaled =
        |plane: &Vec<u16>| plane.iter().map(|&v| ((u32::from(v) * 1023 + 127) / 255) as u16).collect();
    StillPicture { bit_depth: 10, planes: picture.planes.each_ref().map(scaled), ..*picture }
}

/// A decoded still of ten bits as a reader sees it: eight bits, with a filter over it.
fn seen(still: &StillPicture, quantizer: u8) -> Result<StillPicture, Failure> {
    let (width, height) = (still.width as usize, still.height as usize);
    let plane = |samples: &Vec<u16>| Plane::from_samples(width, height, samples.clone());
    let [red, green, blue] = still.planes.each_ref().map(plane);
    let format = PixelFormat { layout: Layout::Rgb, depth: BitDepth::Ten };
    let rgb = Frame::from_planes(Planes::U16([red?, green?, blue?]), format, Color::default())?;
    let network = photo_network(PhotoFilter { network: STILL_NETWORK, quantizer })?;
    let planes = Filter::new(&network).apply(&OwnColors::planes_of_still(&rgb)?, 0, None)?;
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
        let picture = read(path)?;
        let name = std::path::Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for lambda in lambdas.split(',') {
            let settings = StillSettings::new(effort.parse()?, StillTarget::Lambda(lambda.parse()?));
            let (clock, wall) = (ProcessTime::now(), Instant::now());
            let ten_bits = at_ten_bits(&picture);
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
