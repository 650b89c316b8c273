//! The filter by its definition: slow, obvious, the oracle of every faster version.

use super::blocks::{BLOCK_SIDE, block_count, check};
use crate::error::Result;
use crate::filter::{GAIN_BITS, Layer, Network};
use crate::frame::{Frame, Layout, Plane, Sample};
use crate::with_planes;

/// The frame filtered; `blocks` as for [`Filter::apply`](super::Filter::apply), with the same result and errors.
pub fn apply(
    network: &Network,
    frame: &Frame,
    temporal_layer: usize,
    blocks: Option<&[bool]>,
) -> Result<Frame> {
    let layout = network.layout();
    check(layout, frame, temporal_layer, blocks)?;
    let depth: u32 = frame.format().depth.bits().into();
    let border = network.reach();
    let mut activations =
        with_planes!(frame.planes(), planes => Activations::of_planes(planes, layout, depth, border));
    for (index, layer) in network.layers().iter().enumerate() {
        let is_last = index + 1 == network.layers().len();
        activations = activations.through(layer, temporal_layer, is_last);
    }
    let mut filtered = frame.clone();
    let columns = block_count(frame.width(), frame.height()).0;
    let is_filtered =
        |y: usize, x: usize| blocks.is_none_or(|blocks| blocks[y / BLOCK_SIDE * columns + x / BLOCK_SIDE]);
    with_planes!(filtered.planes_mut(), planes => for (index, plane) in planes.iter_mut().enumerate() {
        let is_half = layout == Layout::Yuv420 && index > 0;
        let scale = if is_half { 2 } else { 1 };
        correct(plane, depth, |y, x| {
            let residual = || match is_half {
                true => activations.at(index + 3, y, x),
                false => activations.at(4 * index + y % 2 * 2 + x % 2, y / 2, x / 2),
            };
            is_filtered(y * scale, x * scale).then(residual)
        });
    });
    Ok(filtered)
}

/// Adds residuals, which have 14 - `depth` fractional bits, to the samples that have one.
fn correct<T: Sample>(plane: &mut Plane<T>, depth: u32, residual: impl Fn(usize, usize) -> Option<i16>) {
    let half = 1 << (13 - depth);
    let max = (1 << depth) - 1;
    for y in 0..plane.height() {
        for x in 0..plane.width() {
            if let Some(residual) = residual(y, x) {
                let sample: u16 = plane.row(y)[x].into();
                let sum = i32::from(sample) + ((i32::from(residual) + half) >> (14 - depth));
                plane.row_mut(y)[x] = T::saturating_from(sum.clamp(0, max) as u16);
            }
        }
    }
}

/// Activations of shape `[channels][height][width]`.
struct Activations {
    values: Vec<i16>,
    height: usize,
    width: usize,
}

impl Activations {
    /// The sites of a picture, extended by `border` sites on every side, each of which repeats the nearest site.
    fn of_planes<T: Sample>(planes: &[Plane<T>; 3], layout: Layout, depth: u32, border: usize) -> Self {
        let (rows, columns) = (planes[0].height().div_ceil(2), planes[0].width().div_ceil(2));
        let (height, width) = (rows + 2 * border, columns + 2 * border);
        let (channels, full) = if layout == Layout::Yuv444 { (12, 12) } else { (6, 4) };
        let mut values = Vec::with_capacity(channels * height * width);
        for channel in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    let y = y.saturating_sub(border).min(rows - 1);
                    let x = x.saturating_sub(border).min(columns - 1);
                    let of_square = (2 * y + channel % 4 / 2, 2 * x + channel % 2);
                    let sample: u16 = match channel < full {
                        true => nearest(&planes[channel / 4], of_square.0, of_square.1),
                        false => nearest(&planes[channel - 3], y, x),
                    }
                    .into();
                    values.push(((i32::from(sample) << (14 - depth)) - 8192) as i16);
                }
            }
        }
        Self { values, height, width }
    }

    fn at(&self, channel: usize, y: usize, x: usize) -> i16 {
        self.values[(channel * self.height + y) * self.width + x]
    }

    /// What a layer makes of these, a site smaller on every side.
    fn through(&self, layer: &Layer, temporal_layer: usize, is_last: bool) -> Self {
        let (height, width) = (self.height - 2, self.width - 2);
        let mut values = Vec::with_capacity(layer.outputs * height * width);
        for output in 0..layer.outputs {
            for y in 0..height {
                for x in 0..width {
                    let z = scaled(self.sum(layer, output, y, x), layer, output, temporal_layer);
                    values.push(if is_last { z } else { z.max(z >> 3) });
                }
            }
        }
        Self { values, height, width }
    }

    /// The sum of an output whose taps start at row `y` and column `x`.
    fn sum(&self, layer: &Layer, output: usize, y: usize, x: usize) -> i64 {
        let mut sum = 0_i64;
        for input in 0..layer.inputs {
            for dy in 0..3 {
                for dx in 0..3 {
                    let weight = layer.weights[((output * layer.inputs + input) * 3 + dy) * 3 + dx];
                    sum += i64::from(weight) * i64::from(self.at(input, y + dy, x + dx));
                }
            }
        }
        sum
    }
}

/// Shift, gain and offset of an output.
fn scaled(sum: i64, layer: &Layer, output: usize, temporal_layer: usize) -> i16 {
    let shift = layer.shift[output];
    let half = (1_i64 << shift) / 2;
    let z = i64::from(clamp16((sum + half) >> shift));
    let kind = temporal_layer * layer.outputs + output;
    let gained = (z * i64::from(layer.gain[kind]) + (1 << (GAIN_BITS - 1))) >> GAIN_BITS;
    clamp16(gained + i64::from(layer.offset[kind]))
}

fn clamp16(value: i64) -> i16 {
    value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// A sample, or the nearest one where it lies beyond the edge.
fn nearest<T: Sample>(plane: &Plane<T>, y: usize, x: usize) -> T {
    plane.row(y.min(plane.height() - 1))[x.min(plane.width() - 1)]
}
