//! Codes photos by libaom as 4:4:4, and writes their planes and what these decode to: what the filters of photos are trained on.
//!
//! ```text
//! photo_planes FOLDER TUNE SPEED QUANTIZERS PHOTO...   QUANTIZERS as 18,27,36
//! ```
//! With the TUNE `psnr` in colors of their own, with `perception` as Y, Cb and Cr.
//! For each photo `NAME.WIDTHxHEIGHT.source`, and for each quantizer `NAME.QUANTIZER.decoded`: three planes of `u16`, little endian.

use std::path::Path;

use neural_codec::base::{Av1Decoder, DecoderConfig, Libaom, StillEncoder, StillTune};
use neural_codec::frame::{BitDepth, ColorAxes, Frame, Layout, OwnColors, Planes};
use neural_codec::media::photo::read_photo;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, tune, speed, quantizers, photos @ ..] = arguments.as_slice() else {
        return Err("usage: photo_planes FOLDER TUNE SPEED QUANTIZERS PHOTO...".into());
    };
    let (folder, speed) = (Path::new(folder), speed.parse()?);
    let tune = match tune.as_str() {
        "psnr" => StillTune::SquaredError,
        "perception" => StillTune::Perception,
        other => return Err(format!("TUNE: psnr or perception, found {other}").into()),
    };
    let quantizers: Vec<u8> = quantizers.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let library = Libaom::load()?;
    for path in photos.iter().map(Path::new) {
        let photo = read_photo(path)?.frame;
        let colors = match tune {
            StillTune::SquaredError => ColorAxes::of(&photo)?.colors(1.0),
            StillTune::Perception => OwnColors::ycbcr(1.0),
        };
        let planes = colors.planes_of(&photo)?;
        let name = path.file_stem().ok_or("a photo without a name")?.to_string_lossy();
        let source = format!("{name}.{}x{}.source", planes.width(), planes.height());
        std::fs::write(folder.join(source), samples(&planes)?)?;
        for &quantizer in &quantizers {
            let encoder = StillEncoder { quantizer, speed, tune, color: None, threads: 2 };
            let unit = encoder.encode(&library, &planes)?;
            let decoded = samples(&decoded(&unit, &planes)?)?;
            std::fs::write(folder.join(format!("{name}.{quantizer}.decoded")), decoded)?;
        }
    }
    Ok(())
}

/// The planes that a unit decodes to.
fn decoded(unit: &[u8], planes: &Frame) -> Result<Frame, Failure> {
    let mut decoder = Av1Decoder::new(&DecoderConfig {
        depth: BitDepth::Ten,
        layout: Layout::Yuv444,
        max_pixels: u64::MAX,
        ..DecoderConfig::new(planes.width(), planes.height())
    })?;
    decoder.send(unit)?;
    let early = decoder.receive()?;
    decoder.finish()?;
    match early {
        Some(frame) => Ok(frame),
        None => Ok(decoder.receive()?.ok_or("a unit without a frame")?),
    }
}

fn samples(frame: &Frame) -> Result<Vec<u8>, Failure> {
    let Planes::U16(planes) = frame.planes() else { return Err("planes of eight bits".into()) };
    let samples = planes.iter().flat_map(|plane| plane.samples());
    Ok(samples.flat_map(|sample| sample.to_le_bytes()).collect())
}
