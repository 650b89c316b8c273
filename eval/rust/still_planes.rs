//! Codes the middle of photos as neural stills, and writes their planes and what these decode to: what the filter over stills is trained on.
//!
//! ```text
//! still_planes FOLDER EFFORT SIDE QUANTIZER=LAMBDA,... PHOTO...   18=3e-4,27=1e-3,36=3e-3
//! ```
//! SIDE is that of a square in pixels, 0 for whole photos. Writes what `photo_planes` does, in the planes that the filter works in; a
//! QUANTIZER names the gains that are trained for stills of this LAMBDA.

#[path = "support/still_pictures.rs"]
mod still_pictures;

use std::path::Path;

use neural_codec::bitstream::Limits;
use neural_codec::frame::{OwnColors, Planes};
use neural_codec::still::{self, StillPicture, StillSettings, StillTarget};
use still_pictures::{at_ten_bits, rgb_of};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, effort, side, weights, photos @ ..] = arguments.as_slice() else {
        return Err("usage: still_planes FOLDER EFFORT SIDE QUANTIZER=LAMBDA,... PHOTO...".into());
    };
    let (folder, effort, side) = (Path::new(folder), effort.parse()?, side.parse()?);
    for path in photos.iter().map(Path::new) {
        let picture = read(path, side)?;
        let name = path.file_stem().ok_or("a photo without a name")?.to_string_lossy();
        let source = format!("{name}.{}x{}.source", picture.width, picture.height);
        std::fs::write(folder.join(source), planes(&picture)?)?;
        for pair in weights.split(',') {
            let (quantizer, lambda) = pair.split_once('=').ok_or("QUANTIZER=LAMBDA")?;
            let settings = StillSettings::new(effort, StillTarget::Lambda(lambda.parse()?));
            let code = still::encode(&picture, &settings, &mut |_| {})?;
            let decoded = planes(&still::decode(&code, &Limits::default(), 0)?)?;
            std::fs::write(folder.join(format!("{name}.{quantizer}.decoded")), decoded)?;
        }
    }
    Ok(())
}

/// The middle of a photo at ten bits.
fn read(path: &Path, side: u32) -> Result<StillPicture, Failure> {
    let rgb = image::open(path)?.to_rgb8();
    let length = |whole: u32| if side == 0 { whole } else { side.min(whole) };
    let (width, height) = (length(rgb.width()), length(rgb.height()));
    let (left, top) = ((rgb.width() - width) / 2, (rgb.height() - height) / 2);
    let rgb = image::imageops::crop_imm(&rgb, left, top, width, height).to_image();
    Ok(at_ten_bits(&rgb))
}

/// The planes that the filter works in.
fn planes(picture: &StillPicture) -> Result<Vec<u8>, Failure> {
    let planes = OwnColors::planes_of_still(&rgb_of(picture)?)?;
    let Planes::U16(planes) = planes.planes() else { return Err("planes of eight bits".into()) };
    let samples = planes.iter().flat_map(|plane| plane.samples());
    Ok(samples.flat_map(|sample| sample.to_le_bytes()).collect())
}
