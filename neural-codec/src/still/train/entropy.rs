//! Rate of the latents and its gradient: the entropy model in floats, over bands of rows.
//!
//! Comes after the latents are softly rounded; what it gives is added to the gradient of the distortion.

use std::f32::consts::LOG2_E;

use super::lanes::{
    BLOCKS, LANES, Lanes, PIXELS, Sums, add_lanes, add_layer, add_outer, add_sums, exp, keep_positive, ln,
    pack, pack_transposed, positive, trained,
};
use super::planes::{Plane, zeros};
use super::rounding::Between;
use crate::error::Result;
use crate::still::plan::{NEIGHBORS, Plan, REACH};

/// Probability that every value has at least, about what the coder gives.
const LEAST: f32 = 1.0 / 131_072.0;

/// Rows of a band; even, so that features of bands are apart.
pub(super) const BAND: usize = 16;

/// The entropy model's parameters as kernels read them.
pub(super) struct EntropyModel {
    between: Between,
    neighbors: usize,
    d: usize,
    /// `d` filled up to a multiple of 4.
    wide: usize,
    layers: [Vec<f32>; 2],
    turned: [Vec<f32>; 2],
    biases: [Vec<f32>; 2],
    output: Vec<f32>,
    output_turned: Vec<f32>,
    output_biases: [f32; 2],
    stabilizer: Vec<f32>,
    stabilizer_turned: Vec<f32>,
}

/// What a band gives.
pub(super) struct BandGradient {
    pub(super) bits: f64,
    /// Of the entropy model's own parameters, which come first of all. Bits.
    pub(super) parameters: Vec<f32>,
    /// Of the band's rows and `REACH` above. Rows of the plane's stride.
    pub(super) values: Vec<f32>,
    /// Of features at half the resolution. Shape: `[features][rows][stride]`.
    pub(super) features: Vec<f32>,
}

impl EntropyModel {
    pub(super) fn new(plan: &Plan, parameters: &[f32], between: Between) -> Self {
        let d = plan.context();
        let [first, second, output, stabilizer] = &plan.arm;
        let of = |range: &std::ops::Range<usize>| &parameters[range.clone()];
        let padded = |range| {
            let mut biases = of(range).to_vec();
            biases.resize(d.next_multiple_of(4), 0.0);
            biases
        };
        let biases = of(&output.biases);
        Self {
            between,
            neighbors: plan.neighbors,
            d,
            wide: d.next_multiple_of(4),
            layers: [pack(of(&first.weights), d, d), pack(of(&second.weights), d, d)],
            turned: [pack_transposed(of(&first.weights), d, d), pack_transposed(of(&second.weights), d, d)],
            biases: [padded(&first.biases), padded(&second.biases)],
            output: pack(of(&output.weights), 2, d),
            output_turned: pack_transposed(of(&output.weights), 2, d),
            output_biases: [biases[0], biases[1]],
            stabilizer: pack(of(&stabilizer.weights), 2, d),
            stabilizer_turned: pack_transposed(of(&stabilizer.weights), 2, d),
        }
    }

    /// Rate of some rows of a plane and its gradient. `features`: planes at half the resolution, or none.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn band(&self, plane: &Plane, features: &[Plane], top: usize) -> Result<BandGradient> {
        let rows = (plane.height - top).min(BAND);
        let half = features.first().map_or(0, |feature| feature.stride);
        let mut gradient = BandGradient {
            bits: 0.0,
            parameters: Vec::new(),
            values: zeros((rows + REACH) * plane.stride)?,
            features: zeros(features.len() * rows.div_ceil(2) * half)?,
        };
        let d = self.d;
        let mut sums = vec![[0.0; 8]; 2 * d * d + 4 * d + 2 * d + 2];
        let mut scratch = vec![[0.0; LANES]; BLOCKS * (6 * self.wide + 8)];
        for row in 0..rows {
            for left in (0..plane.width).step_by(PIXELS) {
                run(self, (plane, features), (top, rows, row, left), &mut scratch, &mut sums, &mut gradient);
            }
        }
        // Order of the plan: weights and biases of the two layers, of the output, weights of the stabilizer.
        let (dd, mut parameters) = (d * d, vec![0.0; 2 * (d * d + d) + 2 * d + 2 + 2 * d]);
        let places = [
            0..dd,
            dd + d..2 * dd + d,
            2 * (dd + d)..2 * (dd + d) + 2 * d,
            2 * (dd + d) + 2 * d + 2..parameters.len(),
        ];
        let mut at = 0;
        for place in places {
            add_sums(&sums[at..at + place.len()], &mut parameters[place.clone()]);
            at += place.len();
        }
        for place in [dd..dd + d, 2 * dd + d..2 * dd + 2 * d, 2 * (dd + d) + 2 * d..2 * (dd + d) + 2 * d + 2]
        {
            add_sums(&sums[at..at + place.len()], &mut parameters[place.clone()]);
            at += place.len();
        }
        gradient.parameters = parameters;
        Ok(gradient)
    }
}

trained! {
    fn run(
        model: &EntropyModel,
        planes: (&Plane, &[Plane]),
        at: (usize, usize, usize, usize),
        scratch: &mut [Lanes],
        sums: &mut [Sums],
        gradient: &mut BandGradient,
    ) { run_body }
}

#[inline(always)]
fn run_body<const FUSED: bool>(
    model: &EntropyModel,
    (plane, features): (&Plane, &[Plane]),
    (top, rows, row, left): (usize, usize, usize, usize),
    scratch: &mut [Lanes],
    sums: &mut [Sums],
    gradient: &mut BandGradient,
) {
    let (d, wide, y) = (model.d, model.wide, top + row);
    let width = plane.width - left;
    let blocks = width.div_ceil(LANES).min(BLOCKS);
    let (x, rest) = scratch.split_at_mut(BLOCKS * wide);
    let (h1, rest) = rest.split_at_mut(BLOCKS * wide);
    let (h2, rest) = rest.split_at_mut(BLOCKS * wide);
    let (d1, rest) = rest.split_at_mut(BLOCKS * wide);
    let (d2, rest) = rest.split_at_mut(BLOCKS * wide);
    let (dx, rest) = rest.split_at_mut(BLOCKS * wide);
    let (out, dout) = rest.split_at_mut(BLOCKS * 4);
    for block in 0..blocks {
        let of = block * wide..(block + 1) * wide;
        let x = &mut x[of.clone()];
        let column = left + block * LANES;
        for (lanes, (dx, dy)) in x.iter_mut().zip(&NEIGHBORS[..model.neighbors]) {
            let from =
                plane.at(y, column).wrapping_add_signed(*dy as isize * plane.stride as isize + *dx as isize);
            lanes.copy_from_slice(&plane.values[from..from + LANES]);
        }
        for (lanes, feature) in x[model.neighbors..].iter_mut().zip(features) {
            let from = &feature.values[feature.at(y / 2, column / 2)..][..LANES / 2];
            for (pair, &value) in lanes.chunks_exact_mut(2).zip(from) {
                pair[0] = value;
                pair[1] = value;
            }
        }
        if features.is_empty() {
            x[model.neighbors..].fill([0.0; LANES]);
        }
        residual::<FUSED>(&model.layers[0], &model.biases[0], &x[..d], &mut h1[of.clone()]);
        residual::<FUSED>(&model.layers[1], &model.biases[1], &h1[of.clone()][..d], &mut h2[of.clone()]);
        let out = &mut out[block * 4..block * 4 + 4];
        for (out, bias) in out.iter_mut().zip([model.output_biases[0], model.output_biases[1], 0.0, 0.0]) {
            *out = [bias; LANES];
        }
        add_layer::<FUSED>(&model.output, &h2[of.clone()][..d], out);
        add_layer::<FUSED>(&model.stabilizer, &x[..d], out);

        let from = plane.at(y, column);
        let mut values = [0.0; LANES];
        values.copy_from_slice(&plane.values[from..from + LANES]);
        let dout = &mut dout[block * 4..block * 4 + 4];
        let count = (plane.width - column).min(LANES);
        let (bits, own) = match model.between {
            Between::Curve => rate::<false>(&values, out, dout, count),
            Between::Line => rate::<true>(&values, out, dout, count),
        };
        gradient.bits += f64::from(bits);
        let to = (row + REACH) * plane.stride + plane.at(0, column) - plane.at(0, 0) + REACH;
        add_to(&mut gradient.values[to..], &own);

        let d2 = &mut d2[of.clone()];
        d2.fill([0.0; LANES]);
        add_layer::<FUSED>(&model.output_turned, &dout[..2], d2);
        keep_positive(h2[of.clone()].as_flattened(), d2.as_flattened_mut());
        let d1 = &mut d1[of.clone()];
        d1.copy_from_slice(d2);
        add_layer::<FUSED>(&model.turned[1], &d2[..d], d1);
        keep_positive(h1[of.clone()].as_flattened(), d1.as_flattened_mut());
        let dx = &mut dx[of];
        dx.copy_from_slice(d1);
        add_layer::<FUSED>(&model.turned[0], &d1[..d], dx);
        add_layer::<FUSED>(&model.stabilizer_turned, &dout[..2], dx);
        for (lanes, (dx, dy)) in dx.iter().zip(&NEIGHBORS[..model.neighbors]) {
            let to = to.wrapping_add_signed(*dy as isize * plane.stride as isize + *dx as isize);
            add_to(&mut gradient.values[to..], lanes);
        }
        for (number, (lanes, feature)) in dx[model.neighbors..].iter().zip(features).enumerate() {
            let to = (number * rows.div_ceil(2) + row / 2) * feature.stride + REACH + column / 2;
            for (to, pair) in gradient.features[to..to + LANES / 2].iter_mut().zip(lanes.chunks_exact(2)) {
                *to += pair[0] + pair[1];
            }
        }
    }
    let many = blocks * wide;
    let (weights, biases) = sums.split_at_mut(2 * d * d + 4 * d);
    let (first, rest) = weights.split_at_mut(d * d);
    let (second, rest) = rest.split_at_mut(d * d);
    let (output, stabilizer) = rest.split_at_mut(2 * d);
    add_outer::<FUSED>((&d1[..many], wide, d), (&x[..many], wide, d), first);
    add_outer::<FUSED>((&d2[..many], wide, d), (&h1[..many], wide, d), second);
    add_outer::<FUSED>((&dout[..blocks * 4], 4, 2), (&h2[..many], wide, d), output);
    add_outer::<FUSED>((&dout[..blocks * 4], 4, 2), (&x[..many], wide, d), stabilizer);
    let (first, rest) = biases.split_at_mut(d);
    let (second, output) = rest.split_at_mut(d);
    add_lanes(&d1[..many], wide, first);
    add_lanes(&d2[..many], wide, second);
    add_lanes(&dout[..blocks * 4], 4, output);
}

#[inline(always)]
fn residual<const FUSED: bool>(packed: &[f32], biases: &[f32], input: &[Lanes], output: &mut [Lanes]) {
    output.fill([0.0; LANES]);
    for ((output, input), &bias) in output.iter_mut().zip(input).zip(biases) {
        for (output, input) in output.iter_mut().zip(input) {
            *output = input + bias;
        }
    }
    add_layer::<FUSED>(packed, input, output);
    positive(output);
}

/// Adds one value for each pixel to what begins there.
#[inline(always)]
fn add_to(to: &mut [f32], lanes: &Lanes) {
    let mut sums = *lanes;
    for (sum, &value) in sums.iter_mut().zip(&to[..LANES]) {
        *sum += value;
    }
    to[..LANES].copy_from_slice(&sums);
}

/// What the distribution gives a value.
struct ValueCost {
    bits: f32,
    /// Slope by the value; by the mean it is the opposite.
    by_value: f32,
    /// By the logarithm of the scale.
    by_log: f32,
}

/// Source: a Laplace distribution summed over a step around the value. `inverse`: of the scale.
#[inline(always)]
fn cost_of(difference: f32, inverse: f32) -> ValueCost {
    let distance = difference.abs();
    let (near, far) = ((distance - 0.5).abs(), distance + 0.5);
    let (first, second) = (0.5 * exp(-near * inverse), 0.5 * exp(-far * inverse));
    let inside = distance < 0.5;
    let chance = if inside { 1.0 - first - second } else { first - second };
    let by_distance = (second - first) * inverse;
    let moved = first * near * inverse;
    let by_log = (if inside { -moved } else { moved }) - second * far * inverse;
    let total = chance.max(0.0) + LEAST;
    let slope = -LOG2_E / total;
    let by_value = slope * by_distance * if difference < 0.0 { -1.0 } else { 1.0 };
    ValueCost { bits: -ln(total) * LOG2_E, by_value, by_log: slope * by_log }
}

/// Bits of the first `count` values, gradients by what the network gave and by the values. `LINE`: as [`Between`] says.
///
/// Source: a Laplace distribution of mean `o0` and scale `exp(o1 - 4)`.
#[inline(always)]
pub(super) fn rate<const LINE: bool>(
    values: &Lanes,
    out: &[Lanes],
    dout: &mut [Lanes],
    count: usize,
) -> (f32, Lanes) {
    let mut bits = [0.0; LANES];
    let mut own = [0.0; LANES];
    let (mut dmean, mut dscale) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        let log = out[1][lane] - 4.0;
        let clamped = log.clamp(-5.0, 5.0);
        let inverse = exp(-clamped);
        let on = if lane < count { 1.0 } else { 0.0 };
        let (by_mean, by_log);
        if LINE {
            let below = values[lane].floor();
            let part = values[lane] - below;
            let low = cost_of(below - out[0][lane], inverse);
            let high = cost_of(below + 1.0 - out[0][lane], inverse);
            own[lane] = (high.bits - low.bits) * on;
            bits[lane] = (low.bits + part * (high.bits - low.bits)) * on;
            by_mean = -(low.by_value + part * (high.by_value - low.by_value));
            by_log = low.by_log + part * (high.by_log - low.by_log);
        } else {
            let cost = cost_of(values[lane] - out[0][lane], inverse);
            own[lane] = cost.by_value * on;
            bits[lane] = cost.bits * on;
            (by_mean, by_log) = (-cost.by_value, cost.by_log);
        }
        dmean[lane] = by_mean * on;
        dscale[lane] = if log == clamped { by_log * on } else { 0.0 };
    }
    dout[0] = dmean;
    dout[1] = dscale;
    dout[2] = [0.0; LANES];
    dout[3] = [0.0; LANES];
    (bits.iter().sum(), own)
}
