//! Codes pictures as neural stills and prints what that gave.
//!
//! ```text
//! still EFFORT LAMBDA[,LAMBDA...] PICTURE...
//! ```
//! One line a coding: picture, effort, lambda, bytes, bits a pixel, psnr_rgb, seconds of processor time to encode and to decode.

use std::time::Instant;

use cpu_time::ProcessTime;
use neural_codec::bitstream::Limits;
use neural_codec::still::{self, StillPicture, StillSettings, StillTarget};

fn read(path: &str) -> Result<StillPicture, Box<dyn std::error::Error>> {
    let rgb = image::open(path)?.to_rgb8();
    let plane = |color: usize| rgb.pixels().map(|pixel| u16::from(pixel.0[color])).collect();
    let planes = [plane(0), plane(1), plane(2)];
    Ok(StillPicture { width: rgb.width(), height: rgb.height(), bit_depth: 8, planes })
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
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
            let bytes = still::encode(&picture, &settings, &mut |_| {})?;
            let (encoding, encoding_wall) = (clock.elapsed(), wall.elapsed());
            let (clock, wall) = (ProcessTime::now(), Instant::now());
            let decoded = still::decode(&bytes, &Limits::default(), 0)?;
            let (decoding, decoding_wall) = (clock.elapsed(), wall.elapsed());
            println!(
                "{name} {effort} {lambda} {} {:.4} {:.3} {:.2} {:.2} {:.3} {:.3}",
                bytes.len(),
                bytes.len() as f64 * 8.0 / f64::from(picture.width * picture.height),
                picture.psnr_rgb(&decoded)?,
                encoding.as_secs_f64(),
                encoding_wall.as_secs_f64(),
                decoding.as_secs_f64(),
                decoding_wall.as_secs_f64(),
            );
        }
    }
    Ok(())
}
