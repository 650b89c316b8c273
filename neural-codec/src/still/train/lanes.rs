//! Kernels of training: small layers over pixels side by side, and functions of floats that vectorize.
//!
//! A kernel is written once and compiled for each instruction set by `trained!`, with fused products where there are any.
//! Results may differ between sets in the last bit, which training may; nothing that a decoder runs is computed here.

/// Pixels of a block.
pub(super) const LANES: usize = 16;

/// Blocks that a kernel takes at once.
pub(super) const BLOCKS: usize = 8;

/// Pixels that a kernel takes at once.
pub(super) const PIXELS: usize = LANES * BLOCKS;

/// One value for each pixel of a block.
pub(super) type Lanes = [f32; LANES];

/// Sums of a weight's gradient, by lane.
pub(super) type Sums = [f32; 8];

/// Compiles a body once per instruction set and calls the one that is current. The body takes `FUSED` first.
macro_rules! trained {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? { $body:ident }) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::simd::InstructionSet;
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) $(-> $ret)? { $body::<true>($($arg),*) }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
                fn avx512($($arg: $ty),*) $(-> $ret)? { $body::<true>($($arg),*) }
                let fma = is_x86_feature_detected!("fma");
                match InstructionSet::current() {
                    // SAFETY: `current` returns a set only after run-time detection found every feature of it, and FMA
                    // was found just now.
                    #[allow(unsafe_code)]
                    InstructionSet::Avx2 if fma => return unsafe { avx2($($arg),*) },
                    // SAFETY: as above.
                    #[allow(unsafe_code)]
                    InstructionSet::Avx512 if fma => return unsafe { avx512($($arg),*) },
                    _ => {}
                }
            }
            $body::<false>($($arg),*)
        }
    };
}
pub(super) use trained;

/// `a b + c`.
#[inline(always)]
pub(super) fn fused<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Weights of a layer as [`add_layer`] reads them. Shape: `[outputs / 4][inputs][4]`, filled up with zeros.
pub(super) fn pack(weights: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let mut packed = vec![0.0; outputs.div_ceil(4) * 4 * inputs];
    for (o, row) in weights.chunks_exact(inputs).enumerate() {
        for (i, &weight) in row.iter().enumerate() {
            packed[(o / 4 * inputs + i) * 4 + o % 4] = weight;
        }
    }
    packed
}

/// [`pack`] of the transposed weights.
pub(super) fn pack_transposed(weights: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let turned: Vec<f32> =
        (0..inputs * outputs).map(|at| weights[at % outputs * inputs + at / outputs]).collect();
    pack(&turned, inputs, outputs)
}

/// `output += weights input` for one block. Shapes: input `[inputs]`, output `[outputs]` filled up to a multiple of 4.
#[inline(always)]
pub(super) fn add_layer<const FUSED: bool>(packed: &[f32], input: &[Lanes], output: &mut [Lanes]) {
    let inputs = input.len();
    for (output, weights) in output.chunks_exact_mut(4).zip(packed.chunks_exact(4 * inputs)) {
        let mut sums = [output[0], output[1], output[2], output[3]];
        for (value, weights) in input.iter().zip(weights.chunks_exact(4)) {
            let value = *value;
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                for lane in 0..LANES {
                    sum[lane] = fused::<FUSED>(weight, value[lane], sum[lane]);
                }
            }
        }
        output.copy_from_slice(&sums);
    }
}

/// `sums[o][i] += gradient[o] input[i]` over all blocks. Shapes: `[blocks][stride]`.
#[inline(always)]
pub(super) fn add_outer<const FUSED: bool>(
    (gradient, gradient_stride, outputs): (&[Lanes], usize, usize),
    (input, input_stride, inputs): (&[Lanes], usize, usize),
    sums: &mut [Sums],
) {
    let mut o = 0;
    while o < outputs {
        let many = if outputs - o >= 4 { 4 } else { 1 };
        let mut i = 0;
        while i < inputs {
            let pair = if inputs - i >= 2 { 2 } else { 1 };
            match (many, pair) {
                (4, 2) => tile::<FUSED, 4, 2>(
                    (gradient, gradient_stride, o),
                    (input, input_stride, i),
                    inputs,
                    sums,
                ),
                (4, _) => tile::<FUSED, 4, 1>(
                    (gradient, gradient_stride, o),
                    (input, input_stride, i),
                    inputs,
                    sums,
                ),
                (_, 2) => tile::<FUSED, 1, 2>(
                    (gradient, gradient_stride, o),
                    (input, input_stride, i),
                    inputs,
                    sums,
                ),
                _ => tile::<FUSED, 1, 1>(
                    (gradient, gradient_stride, o),
                    (input, input_stride, i),
                    inputs,
                    sums,
                ),
            }
            i += pair;
        }
        o += many;
    }
}

#[inline(always)]
fn tile<const FUSED: bool, const O: usize, const I: usize>(
    (gradient, gradient_stride, o): (&[Lanes], usize, usize),
    (input, input_stride, i): (&[Lanes], usize, usize),
    row: usize,
    sums: &mut [Sums],
) {
    let mut tile = [[[0.0_f32; 8]; I]; O];
    for (a, tile) in tile.iter_mut().enumerate() {
        for (b, tile) in tile.iter_mut().enumerate() {
            *tile = sums[(o + a) * row + i + b];
        }
    }
    for (gradient, input) in gradient.chunks_exact(gradient_stride).zip(input.chunks_exact(input_stride)) {
        let (gradient, input) = (&gradient[o..o + O], &input[i..i + I]);
        for half in [0, 8] {
            for (gradient, tile) in gradient.iter().zip(&mut tile) {
                for (input, tile) in input.iter().zip(tile) {
                    for lane in 0..8 {
                        tile[lane] = fused::<FUSED>(gradient[half + lane], input[half + lane], tile[lane]);
                    }
                }
            }
        }
    }
    for (a, tile) in tile.iter().enumerate() {
        for (b, tile) in tile.iter().enumerate() {
            sums[(o + a) * row + i + b] = *tile;
        }
    }
}

/// The larger of each value and 0.
#[inline(always)]
pub(super) fn positive(values: &mut [Lanes]) {
    // One flat loop: the compiler makes gathers of nested ones, and calls what `map` is given.
    for value in values.as_flattened_mut() {
        *value = if *value > 0.0 { *value } else { 0.0 };
    }
}

/// Keeps a gradient where the values it is by are positive.
#[inline(always)]
pub(super) fn keep_positive(values: &[f32], gradient: &mut [f32]) {
    for (gradient, &value) in gradient.iter_mut().zip(values) {
        *gradient = if value > 0.0 { *gradient } else { 0.0 };
    }
}

trained! {
    /// [`keep_positive`] for a row.
    pub(super) fn keep_positive_row(values: &[f32], gradient: &mut [f32]) { keep_positive_body }
}

#[inline(always)]
fn keep_positive_body<const FUSED: bool>(values: &[f32], gradient: &mut [f32]) {
    keep_positive(values, gradient);
}

trained! {
    /// `to += by from` for a row.
    pub(super) fn add_scaled(from: &[f32], by: f32, to: &mut [f32]) { add_scaled_body }
}

#[inline(always)]
fn add_scaled_body<const FUSED: bool>(from: &[f32], by: f32, to: &mut [f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = fused::<FUSED>(by, from, *to);
    }
}

trained! {
    /// Sum of products.
    pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 { dot_body }
}

#[inline(always)]
fn dot_body<const FUSED: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [[0.0_f32; LANES]; 2];
    let (a, b) = (a.chunks_exact(2 * LANES), b.chunks_exact(2 * LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.as_flattened_mut().iter_mut().zip(a.iter().zip(b)) {
            *sum = fused::<FUSED>(*a, *b, *sum);
        }
    }
    sums.as_flattened().iter().sum::<f32>() + rest
}

/// `sums[o] += gradient[o]` over all blocks, both halves of each. Shape: `[blocks][stride]`.
#[inline(always)]
pub(super) fn add_lanes(gradient: &[Lanes], stride: usize, sums: &mut [Sums]) {
    for (o, sum) in sums.iter_mut().enumerate() {
        let mut total = *sum;
        for block in gradient.chunks_exact(stride) {
            let lanes = &block[o];
            for lane in 0..8 {
                total[lane] += lanes[lane] + lanes[8 + lane];
            }
        }
        *sum = total;
    }
}

/// Adds lanes of sums to a gradient.
pub(super) fn add_sums(sums: &[Sums], gradient: &mut [f32]) {
    for (gradient, sums) in gradient.iter_mut().zip(sums) {
        *gradient += sums.iter().sum::<f32>();
    }
}

/// e^x for x of -87 to 87, to some 2e-7 of itself.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 87.0);
    let whole = x * std::f32::consts::LOG2_E + MAGIC;
    let power = whole - MAGIC;
    let rest = x - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let series = 1.0
        + rest
            * (1.0
                + rest
                    * (0.5
                        + rest
                            * (0.166_666_67
                                + rest * (0.041_666_65 + rest * (0.008_333_4 + rest * 0.001_39)))));
    let scale = f32::from_bits((whole.to_bits() << 23).wrapping_add(127 << 23));
    series * scale
}

/// ln x for positive, normal x, to some 1e-6.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    // The mantissa as a number of sqrt(1/2) to sqrt(2).
    let shifted = bits.wrapping_sub(0x3F35_04F3);
    let power = (shifted as i32 >> 23) as f32;
    let mantissa = f32::from_bits((shifted & 0x007F_FFFF).wrapping_add(0x3F35_04F3));
    // atanh series: ln m = 2 atanh((m - 1) / (m + 1)).
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let series =
        2.0 * z * (1.0 + square * (0.333_333_3 + square * (0.2 + square * (0.142_857 + square * 0.111_1))));
    power * std::f32::consts::LN_2 + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_and_ln_are_near() {
        for step in -800..800 {
            let x = step as f32 * 0.1;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-6, "exp {x}");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() < 1e-5, "ln {y}");
        }
    }
}
