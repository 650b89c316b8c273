//! Pictures, patches and networks to measure with.

use neural_codec::Result;
use neural_codec::error::Error;
use neural_codec::filter::train::{PATCH, Patch};
use neural_codec::filter::{Network, NetworkSize, SceneNetwork, Sites};
use neural_codec::frame::{Color, Frame, PixelFormat, Plane, Planes};
use neural_codec::with_planes;

use crate::scale::Scale;

/// The base network of a profile.
pub(crate) fn network(profile: NetworkSize) -> Result<Network> {
    SceneNetwork::base(profile, 160)?.network()
}

/// A gradient with noise of so many levels.
pub(crate) fn picture(scale: &Scale, format: PixelFormat, noise: u32) -> Result<Frame> {
    sized((scale.width, scale.height), format, noise)
}

/// The same of a size of its own.
pub(crate) fn sized((width, height): (usize, usize), format: PixelFormat, noise: u32) -> Result<Frame> {
    let mut frame = Frame::new(width, height, format, Color::default())?;
    let (mut state, max) = (1_u32, u32::from(format.depth.max_value()));
    with_planes!(frame.planes_mut(), planes => for plane in planes.iter_mut() {
        let width = plane.width();
        for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = (at % width + at / width) as u32 % max / 2 + (state >> 16) % noise;
            *sample = value.min(max) as _;
        }
    });
    Ok(frame)
}

/// The planes of a picture of 8 bits.
pub(crate) fn eight(frame: &Frame) -> Result<&[Plane<u8>; 3]> {
    match frame.planes() {
        Planes::U8(planes) => Ok(planes),
        Planes::U16(_) => Err(Error::internal("gpu", "a frame of 10 bits")),
    }
}

/// Patches of a picture and of the same with more noise.
pub(crate) fn patches(count: usize) -> Result<Vec<Patch>> {
    let frames = [1, 9].map(|noise| sized((1920, 1080), PixelFormat::YUV420_8, noise));
    let [source, decoded] = frames.map(|frame| frame.and_then(|frame| Sites::of(&frame)));
    let (source, decoded) = (source?, decoded?);
    let patch = |index: usize| {
        let (x, y) = ((index * 61 % 890) as isize, (index * 37 % 470) as isize);
        let [decoded, source] =
            [&decoded, &source].map(|sites| sites.square(x, y, PATCH).into_iter().collect());
        Patch { decoded, source, temporal_layer: index % 6, set: 0, weight: 1e-2, chroma: 1.0 }
    };
    Ok((0..count).map(patch).collect())
}
