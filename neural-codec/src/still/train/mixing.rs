//! The 1x1 layers of the synthesis in floats: from upsampled latents to three colors, and the gradient of that.
//!
//! The first stage of [`synthesis`](super::synthesis), which sharpens what this gives.

use rayon::prelude::*;

use super::colors::{BAND, Colors, ROOM};
use super::lanes::{
    BLOCKS, LANES, Lanes, PIXELS, Sums, add_lanes, add_layer, add_outer, add_sums, keep_positive, pack,
    pack_transposed, positive, trained,
};
use super::planes::{Plane, keep, zeros};
use crate::error::Result;
use crate::still::plan::Plan;

/// The layers as kernels read them.
pub(super) struct Mixer {
    inputs: usize,
    hidden: usize,
    first: Vec<f32>,
    first_turned: Vec<f32>,
    first_biases: Vec<f32>,
    second: Vec<f32>,
    second_turned: Vec<f32>,
    second_biases: [f32; 4],
    stabilizer: Vec<f32>,
    stabilizer_turned: Vec<f32>,
}

impl Mixer {
    pub(super) fn new(plan: &Plan, parameters: &[f32]) -> Self {
        let [first, second, stabilizer, ..] = &plan.synthesis;
        let of = |range: &std::ops::Range<usize>| &parameters[range.clone()];
        let (inputs, hidden) = (plan.levels, plan.hidden);
        let biases = of(&second.biases);
        Self {
            inputs,
            hidden,
            first: pack(of(&first.weights), hidden, inputs),
            first_turned: pack_transposed(of(&first.weights), hidden, inputs),
            first_biases: of(&first.biases).to_vec(),
            second: pack(of(&second.weights), 3, hidden),
            second_turned: pack_transposed(of(&second.weights), 3, hidden),
            second_biases: [biases[0], biases[1], biases[2], 0.0],
            stabilizer: pack(of(&stabilizer.weights), 3, inputs),
            stabilizer_turned: pack_transposed(of(&stabilizer.weights), 3, inputs),
        }
    }
}

trained! {
    /// The 1x1 layers of one row.
    pub(super) fn mix(mixer: &Mixer, planes: &[Plane], y: usize, output: &mut [f32]) { mix_body }
}

#[inline(always)]
fn mix_body<const FUSED: bool>(mixer: &Mixer, planes: &[Plane], y: usize, output: &mut [f32]) {
    let stride = output.len() / 3;
    let mut hidden = [[0.0; LANES]; 64];
    for left in (0..planes[0].width).step_by(LANES) {
        let inputs = inputs_of(planes, y, left);
        let inputs = &inputs[..mixer.inputs];
        let hidden = &mut hidden[..mixer.hidden];
        hidden_of::<FUSED>(mixer, inputs, hidden);
        let [first, second, third, fourth] = mixer.second_biases;
        let mut sums = [[first; LANES], [second; LANES], [third; LANES], [fourth; LANES]];
        add_layer::<FUSED>(&mixer.second, hidden, &mut sums);
        add_layer::<FUSED>(&mixer.stabilizer, inputs, &mut sums);
        for (channel, sums) in sums[..3].iter().enumerate() {
            output[channel * stride + ROOM + left..][..LANES].copy_from_slice(sums);
        }
    }
}

#[inline(always)]
fn inputs_of(planes: &[Plane], y: usize, left: usize) -> [Lanes; 9] {
    let mut inputs = [[0.0; LANES]; 9];
    for (input, plane) in inputs.iter_mut().zip(planes) {
        input.copy_from_slice(&plane.values[plane.at(y, left)..][..LANES]);
    }
    inputs
}

#[inline(always)]
fn hidden_of<const FUSED: bool>(mixer: &Mixer, inputs: &[Lanes], hidden: &mut [Lanes]) {
    for (hidden, &bias) in hidden.iter_mut().zip(&mixer.first_biases) {
        *hidden = [bias; LANES];
    }
    add_layer::<FUSED>(&mixer.first, inputs, hidden);
    positive(hidden);
}

/// The gradient by the planes; that by the parameters is added.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn mix_backward(
    plan: &Plan,
    mixer: &Mixer,
    planes: &[Plane],
    by_mixed: &Colors,
    gradient: &mut [f32],
) -> Result<Vec<Plane>> {
    let (inputs, hidden) = (mixer.inputs, mixer.hidden);
    let bands = plan.height.div_ceil(BAND);
    let stride = planes[0].stride;
    let work = (0..bands).into_par_iter().map(|band| -> Result<(Vec<Sums>, Vec<f32>)> {
        let rows = band * BAND..((band + 1) * BAND).min(plan.height);
        let mut sums = vec![[0.0; 8]; hidden * inputs + 3 * hidden + 3 * inputs + hidden + 3];
        let mut by_planes = zeros(inputs * rows.len() * stride)?;
        for (row, y) in rows.clone().enumerate() {
            mix_back(mixer, (planes, by_mixed), (y, row, rows.len()), &mut sums, &mut by_planes);
        }
        Ok((sums, by_planes))
    });
    let done = work.collect::<Result<Vec<_>>>()?;
    let [first, second, stabilizer, ..] = &plan.synthesis;
    for (sums, _) in &done {
        let mut at = 0;
        for range in [&first.weights, &second.weights, &stabilizer.weights, &first.biases, &second.biases] {
            add_sums(&sums[at..at + range.len()], &mut gradient[range.clone()]);
            at += range.len();
        }
    }
    let gather = |input: usize| -> Result<Plane> {
        let mut plane = Plane::new(plan.width, plan.height)?;
        for (band, (_, by_planes)) in done.iter().enumerate() {
            let rows = by_planes.len() / inputs / stride;
            for row in 0..rows {
                let from = &by_planes[(input * rows + row) * stride..][..plan.width];
                plane.row_mut(band * BAND + row).copy_from_slice(from);
            }
        }
        Ok(plane)
    };
    let planes = (0..inputs).into_par_iter().map(gather).collect();
    done.into_iter().for_each(|(_, by_planes)| keep(by_planes));
    planes
}

trained! {
    fn mix_back(
        mixer: &Mixer,
        from: (&[Plane], &Colors),
        at: (usize, usize, usize),
        sums: &mut [Sums],
        by_planes: &mut [f32],
    ) { mix_back_body }
}

#[inline(always)]
fn mix_back_body<const FUSED: bool>(
    mixer: &Mixer,
    (planes, by_mixed): (&[Plane], &Colors),
    (y, row, rows): (usize, usize, usize),
    sums: &mut [Sums],
    by_planes: &mut [f32],
) {
    let (inputs, hidden) = (mixer.inputs, mixer.hidden);
    let mut x = [[0.0; LANES]; BLOCKS * 9];
    let mut h = [[0.0; LANES]; BLOCKS * 64];
    let mut dh = [[0.0; LANES]; BLOCKS * 64];
    let mut dout = [[0.0; LANES]; BLOCKS * 3];
    let (width, stride) = (planes[0].width, planes[0].stride);
    let (first, rest) = sums.split_at_mut(hidden * inputs);
    let (second, rest) = rest.split_at_mut(3 * hidden);
    let (stabilizer, rest) = rest.split_at_mut(3 * inputs);
    let (first_biases, second_biases) = rest.split_at_mut(hidden);
    for left in (0..width).step_by(PIXELS) {
        let blocks = (width - left).div_ceil(LANES).min(BLOCKS);
        for block in 0..blocks {
            let column = left + block * LANES;
            let x = &mut x[block * inputs..][..inputs];
            x.copy_from_slice(&inputs_of(planes, y, column)[..inputs]);
            let h = &mut h[block * hidden..][..hidden];
            hidden_of::<FUSED>(mixer, x, h);
            let dout = &mut dout[block * 3..][..3];
            for (channel, lanes) in dout.iter_mut().enumerate() {
                lanes.copy_from_slice(&by_mixed.row(y, channel)[ROOM + column..][..LANES]);
            }
            let dh = &mut dh[block * hidden..][..hidden];
            dh.fill([0.0; LANES]);
            add_layer::<FUSED>(&mixer.second_turned, dout, dh);
            keep_positive(h.as_flattened(), dh.as_flattened_mut());
            let mut dx = [[0.0; LANES]; 12];
            let dx = &mut dx[..inputs.next_multiple_of(4)];
            add_layer::<FUSED>(&mixer.first_turned, dh, dx);
            add_layer::<FUSED>(&mixer.stabilizer_turned, dout, dx);
            for (input, lanes) in dx[..inputs].iter().enumerate() {
                by_planes[(input * rows + row) * stride + column..][..LANES].copy_from_slice(lanes);
            }
        }
        add_lanes(&dh[..blocks * hidden], hidden, first_biases);
        add_lanes(&dout[..blocks * 3], 3, second_biases);
        add_outer::<FUSED>(
            (&dh[..blocks * hidden], hidden, hidden),
            (&x[..blocks * inputs], inputs, inputs),
            first,
        );
        add_outer::<FUSED>((&dout[..blocks * 3], 3, 3), (&h[..blocks * hidden], hidden, hidden), second);
        add_outer::<FUSED>((&dout[..blocks * 3], 3, 3), (&x[..blocks * inputs], inputs, inputs), stabilizer);
    }
}
