//! The same features from a GPU: it makes the sums and the matches, this file reads them as the CPU would.

use std::sync::Arc;

use super::difference::{BlockCosts, Novelty};
use super::downscale::{Coarse, Thumbnail};
use super::features::{Detail, FrameFeatures, Pair};
use super::information::{deviation_of_difference, deviation_of_gradient};
use super::motion::Match;
use super::movement::{Matches, Movement, area};
use super::texture::{TextureSums, block_size};
use crate::error::{Error, Result};
use crate::frame::Samples;
use crate::frame::{Frame, GpuFrame, Layout, PixelFormat, Plane};
use crate::gpu::{Buffer, Gpu};
use crate::scene::{SceneMatch, SceneMeasurements, ScenePair, ScenePicture, ScenePlanes};

/// Uploads a frame and has it measured.
///
/// # Errors
///
/// `OutOfMemory`, `Device`.
pub(super) fn picture(gpu: &Arc<Gpu>, frame: &Frame, before: Option<&ScenePicture>) -> Result<ScenePicture> {
    picture_of_gpu_frame(&GpuFrame::upload(gpu, frame)?, before)
}

/// Has a GPU-resident picture measured.
///
/// # Errors
///
/// `OutOfMemory`, `Device`.
pub(super) fn picture_of_gpu_frame(frame: &GpuFrame, before: Option<&ScenePicture>) -> Result<ScenePicture> {
    let (gpu, sizes, format) = (frame.gpu(), frame.sizes(), frame.format());
    match frame.planes() {
        [Samples::U8(a), Samples::U8(b), Samples::U8(c)] => {
            gpu.measure_picture(&described([a, b, c], sizes, format), before)
        }
        [Samples::U16(a), Samples::U16(b), Samples::U16(c)] => {
            gpu.measure_picture(&described([a, b, c], sizes, format), before)
        }
        _ => Err(Error::internal("scene", "planes of different sample types")),
    }
}

fn described<T>(
    planes: [&Buffer<T>; 3],
    sizes: [(usize, usize); 3],
    format: PixelFormat,
) -> ScenePlanes<'_, T> {
    let shift = u32::from(format.depth.bits()) - 8;
    ScenePlanes { planes, sizes, shift, is_rgb: format.layout == Layout::Rgb }
}

/// The frame made small.
pub(super) fn thumbnail(measurements: &SceneMeasurements) -> Result<Thumbnail> {
    let [luma, outline, blue, red] = measurements
        .pictures
        .each_ref()
        .map(|(width, height, samples)| Plane::from_samples(*width, *height, samples.clone()));
    let coarse = Coarse { luma: outline?, chroma: [blue?, red?], fingerprint: measurements.fingerprint };
    Ok(Thumbnail { luma: luma?, coarse })
}

/// What is measured of one picture.
pub(super) fn detail(measurements: &SceneMeasurements, frame: &Frame) -> Detail {
    let size = block_size(frame.width(), frame.height());
    let mut sums = TextureSums::default();
    (sums.counts, sums.steps, sums.hard_steps) =
        (measurements.counts, measurements.steps, measurements.hard_steps);
    for &(derivatives, least, most) in &measurements.blocks {
        sums.add_block(derivatives, size, least, most);
    }
    let (width, height, _) = measurements.pictures[0];
    let count = width.saturating_sub(2) * height.saturating_sub(2);
    Detail {
        spatial: deviation_of_gradient(measurements.gradient.iter().copied(), count),
        texture: sums.texture(),
    }
}

/// What is measured of the picture `now` against the one before.
pub(super) fn pair(
    measurements: &SceneMeasurements,
    now: &Thumbnail,
    before: Option<&FrameFeatures>,
) -> Option<Pair> {
    let (found, before) = (measurements.pair.as_ref()?, before?);
    let (sum, squares) = found.temporal;
    let is_repeated = before.thumbnail().coarse.fingerprint == now.coarse.fingerprint;
    let novelty = if is_repeated { Novelty::NONE } else { novelty(found, &now.coarse.luma) };
    Some(Pair {
        before: before.number(),
        temporal: deviation_of_difference(sum, squares, now.luma.samples().len()),
        movement: if is_repeated { Movement::default() } else { matches(found).movement(now) },
        change: novelty.unexplained,
    })
}

fn novelty(pair: &ScenePair, outline: &Plane<u8>) -> Novelty {
    let columns = outline.width().div_ceil(super::motion::BLOCK);
    let of = |matches: &[SceneMatch]| {
        Novelty::of(matches.iter().enumerate().map(|(index, found)| BlockCosts {
            inter: found.cost,
            intra: found.other,
            area: area(outline, index % columns, index / columns),
        }))
    };
    of(&pair.outline).levelled(|| pair.is_levelled.then(|| of(&pair.levelled)))
}

fn matches(pair: &ScenePair) -> Matches {
    let read = |found: &SceneMatch| {
        let (dx, dy) = found.displacement;
        Match { dx, dy, cost: found.cost }
    };
    Matches {
        still: pair.fine.iter().map(|found| found.other).collect(),
        fine: pair.fine.iter().map(read).collect(),
        coarse: pair.levelled.iter().map(read).collect(),
    }
}
