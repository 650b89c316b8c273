//! Trains networks that stills start from, and writes the files that are compiled into the library.
//!
//! ```text
//! train_still SIZE STEPS LAMBDA[,LAMBDA...] START OUTPUT-PREFIX PICTURE...
//! ```
//! `SIZE` is small, medium or large; `START` a file to start from, or `-`. Crops of sixteen pictures at a time, side by side, are
//! trained as one picture; the network of a weight of rate starts from that of the one before.

#![allow(clippy::print_stderr, reason = "a program tells how far it is")]

use neural_codec::still::{StillNetwork, StillPicture, train_base};

/// Size of a crop, and crops in a row and in a column.
const CROP: (u32, u32) = (192, 128);
const CROPS: (u32, u32) = (4, 4);

fn mosaic(paths: &[String]) -> Result<StillPicture, Box<dyn std::error::Error>> {
    let (width, height) = (CROP.0 * CROPS.0, CROP.1 * CROPS.1);
    let mut planes = [(); 3].map(|()| vec![0; (width * height) as usize]);
    let count = (CROPS.0 * CROPS.1) as usize;
    for place in 0..count {
        let picture = image::open(&paths[place * paths.len() / count])?.to_rgb8();
        let (left, top) = ((picture.width() - CROP.0) / 2, (picture.height() - CROP.1) / 2);
        let to = (place as u32 % CROPS.0 * CROP.0, place as u32 / CROPS.0 * CROP.1);
        for y in 0..CROP.1 {
            for x in 0..CROP.0 {
                let pixel = picture.get_pixel(left + x, top + y).0;
                for (plane, value) in planes.iter_mut().zip(pixel) {
                    plane[((to.1 + y) * width + to.0 + x) as usize] = u16::from(value);
                }
            }
        }
    }
    Ok(StillPicture { width, height, bit_depth: 8, planes })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [size, steps, lambdas, start, prefix, paths @ ..] = &arguments[..] else {
        return Err("usage: train_still SIZE STEPS LAMBDA[,LAMBDA...] START OUTPUT-PREFIX PICTURE...".into());
    };
    let network = match size.as_str() {
        "small" => StillNetwork::Small,
        "medium" => StillNetwork::Medium,
        "large" => StillNetwork::Large,
        _ => return Err(format!("size: expected small, medium or large, found {size}").into()),
    };
    let mut start: Option<Vec<i16>> = match start.as_str() {
        "-" => None,
        file => Some(
            std::fs::read(file)?.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
        ),
    };
    let picture = mosaic(paths)?;
    for (number, lambda) in lambdas.split(',').enumerate() {
        let trained = train_base(
            &picture,
            (network, start.as_deref()),
            (lambda.parse()?, steps.parse()?),
            &mut |at| {
                if at.step % 100 == 0 {
                    eprintln!(
                        "{size} {lambda} {} {:.3} dB {:.4} bpp",
                        at.step, at.psnr_rgb, at.bits_per_pixel
                    );
                }
            },
        )?;
        let bytes: Vec<u8> = trained.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(format!("{prefix}{number}.bin"), bytes)?;
        start = Some(trained);
    }
    Ok(())
}
