//! The two kernels of training: a 3x3 convolution of planes, and the gradient of its weights.
//!
//! Planes have [`STRIDE`] floats a row, of which the first [`WIDTH`] are computed; where a layer has fewer columns that
//! count, what lies beyond them is set to zero before a gradient is taken. The gradient of the inputs is the
//! convolution of the outputs' gradient with the weights mirrored and transposed.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::vector::{Avx2, Avx512};
use super::vector::{Portable, Vector};
use crate::filter::TAPS;
#[cfg(target_arch = "x86_64")]
use crate::simd::InstructionSet;

/// Columns that a convolution computes.
pub(crate) const WIDTH: usize = 64;

/// Floats of a row: two more columns are read than computed, and a vector more may be.
pub(crate) const STRIDE: usize = 80;

/// Rows whose weight gradient is summed before the sums are put aside, so that they stay in the first cache.
const ROWS_AT_ONCE: usize = 8;

/// Inputs whose sums are kept at once: with vectors of 512 bits they take 55 kB, which counts as a small allocation.
const INPUTS_AT_ONCE: usize = 12;

/// A convolution: `output[o] = sum over i, dy, dx of weights[o][i][dy][dx] * input[i][y + dy][x + dx]`.
pub(crate) struct Convolution<'a> {
    /// Planes of `input_rows` rows.
    pub(crate) input: &'a [f32],
    pub(crate) input_rows: usize,
    pub(crate) inputs: usize,
    /// Shape `[outputs][inputs][3][3]`.
    pub(crate) weights: &'a [f32],
    pub(crate) outputs: usize,
    /// Rows to compute, at most `input_rows - 2`.
    pub(crate) rows: usize,
}

impl Convolution<'_> {
    /// Fills the first `rows` rows of planes of `output_rows` rows, beginning `first` floats into the first plane.
    pub(crate) fn run(&self, output: &mut [f32], output_rows: usize, first: usize) {
        assert!(self.rows + 2 <= self.input_rows && self.rows <= output_rows);
        assert!(self.input.len() >= self.inputs * self.input_rows * STRIDE);
        assert_eq!(self.weights.len(), self.outputs * self.inputs * TAPS);
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            fn avx2(it: &Convolution<'_>, output: &mut [f32], output_rows: usize, first: usize) {
                it.by::<Avx2, 6, 4, 2>(output, output_rows, first);
            }
            #[target_feature(enable = "avx512f")]
            fn avx512(it: &Convolution<'_>, output: &mut [f32], output_rows: usize, first: usize) {
                it.by::<Avx512, 6, 4, 4>(output, output_rows, first);
            }
            match instruction_set() {
                // SAFETY: the set is chosen only where its features were found.
                #[allow(unsafe_code)]
                InstructionSet::Avx2 => return unsafe { avx2(self, output, output_rows, first) },
                // SAFETY: as above.
                #[allow(unsafe_code)]
                InstructionSet::Avx512 => return unsafe { avx512(self, output, output_rows, first) },
                InstructionSet::Baseline => {}
            }
        }
        self.by::<Portable, 2, 4, 1>(output, output_rows, first);
    }

    /// Blocks of `A` outputs where their number allows it, else of `B`, else single ones; `N` vectors of columns at once.
    #[inline(always)]
    fn by<V: Vector, const A: usize, const B: usize, const N: usize>(
        &self,
        output: &mut [f32],
        output_rows: usize,
        first: usize,
    ) {
        let mut from = 0;
        while from < self.outputs {
            let left = self.outputs - from;
            if left.is_multiple_of(A) {
                self.block::<V, A, N>(from, output, output_rows, first);
                from += A;
            } else if left >= B {
                self.block::<V, B, N>(from, output, output_rows, first);
                from += B;
            } else {
                self.block::<V, 1, N>(from, output, output_rows, first);
                from += 1;
            }
        }
    }

    #[inline(always)]
    fn block<V: Vector, const O: usize, const N: usize>(
        &self,
        from: usize,
        output: &mut [f32],
        output_rows: usize,
        first: usize,
    ) {
        let packed = self.packed::<O>(from);
        for y in 0..self.rows {
            for x in (0..WIDTH).step_by(N * V::LANES) {
                let mut sums: [[V; N]; O] = [[V::zero(); N]; O];
                for input in 0..self.inputs {
                    for dy in 0..3 {
                        let at = (input * self.input_rows + y + dy) * STRIDE + x;
                        let row = &self.input[at..at + N * V::LANES + 2];
                        let weights = &packed[(input * 3 + dy) * 3..][..3];
                        for (dx, weights) in weights.iter().enumerate() {
                            let values: [V; N] = std::array::from_fn(|n| V::load(&row[dx + n * V::LANES..]));
                            for (sums, &weight) in sums.iter_mut().zip(weights) {
                                let weight = V::splat(weight);
                                for (sum, value) in sums.iter_mut().zip(values) {
                                    *sum = sum.add_product(value, weight);
                                }
                            }
                        }
                    }
                }
                for (o, sums) in sums.iter().enumerate() {
                    let at = first + ((from + o) * output_rows + y) * STRIDE + x;
                    for (n, sum) in sums.iter().enumerate() {
                        sum.store(&mut output[at + n * V::LANES..]);
                    }
                }
            }
        }
    }

    /// Weights of `O` outputs in the order in which they are used: shape `[inputs][3][3][O]`.
    #[inline(always)]
    fn packed<const O: usize>(&self, from: usize) -> Vec<[f32; O]> {
        let taps = self.inputs * TAPS;
        (0..taps).map(|tap| std::array::from_fn(|o| self.weights[(from + o) * taps + tap])).collect()
    }
}

/// Weights mirrored and with inputs and outputs exchanged.
///
/// Shapes: `[outputs][inputs][3][3]` to `[inputs][outputs][3][3]`.
pub(crate) fn transposed(weights: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    let mut mirrored = vec![0.0; weights.len()];
    for o in 0..outputs {
        for i in 0..inputs {
            for tap in 0..TAPS {
                mirrored[(i * outputs + o) * TAPS + TAPS - 1 - tap] = weights[(o * inputs + i) * TAPS + tap];
            }
        }
    }
    mirrored
}

/// Adds to `total`, of shape `[outputs][inputs][3][3]`, the sum over all sites of
/// `gradient[o][y][x] * input[i][y + dy][x + dx]`.
pub(crate) struct WeightGradient<'a> {
    /// Planes of `input_rows` rows.
    pub(crate) input: &'a [f32],
    pub(crate) input_rows: usize,
    pub(crate) inputs: usize,
    /// Planes of `gradient_rows` rows, zero in columns that do not count; the first value lies at `first`.
    pub(crate) gradient: &'a [f32],
    pub(crate) gradient_rows: usize,
    pub(crate) first: usize,
    pub(crate) outputs: usize,
    /// Rows that count.
    pub(crate) rows: usize,
}

impl WeightGradient<'_> {
    pub(crate) fn add_to(&self, total: &mut [f32]) {
        assert_eq!(total.len(), self.outputs * self.inputs * TAPS);
        assert!(self.rows + 2 <= self.input_rows);
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            fn avx2(it: &WeightGradient<'_>, total: &mut [f32]) {
                it.by::<Avx2, 4>(total);
            }
            #[target_feature(enable = "avx512f")]
            fn avx512(it: &WeightGradient<'_>, total: &mut [f32]) {
                it.by::<Avx512, 8>(total);
            }
            match instruction_set() {
                // SAFETY: the set is chosen only where its features were found.
                #[allow(unsafe_code)]
                InstructionSet::Avx2 => return unsafe { avx2(self, total) },
                // SAFETY: as above.
                #[allow(unsafe_code)]
                InstructionSet::Avx512 => return unsafe { avx512(self, total) },
                InstructionSet::Baseline => {}
            }
        }
        self.by::<Portable, 2>(total);
    }

    #[inline(always)]
    fn by<V: Vector, const O: usize>(&self, total: &mut [f32]) {
        let mut from = 0;
        while from < self.outputs {
            let left = self.outputs - from;
            // Six outputs are the last layer's.
            if left >= O {
                self.block::<V, O>(from, total);
                from += O;
            } else if left >= 6 {
                self.block::<V, 6>(from, total);
                from += 6;
            } else if left >= 2 {
                self.block::<V, 2>(from, total);
                from += 2;
            } else {
                self.block::<V, 1>(from, total);
                from += 1;
            }
        }
    }

    #[inline(always)]
    fn block<V: Vector, const O: usize>(&self, from: usize, total: &mut [f32]) {
        for first in (0..self.inputs).step_by(INPUTS_AT_ONCE) {
            self.part::<V, O>(from, first..(first + INPUTS_AT_ONCE).min(self.inputs), total);
        }
    }

    /// Of `O` outputs, by some of the inputs.
    #[inline(always)]
    fn part<V: Vector, const O: usize>(&self, from: usize, inputs: Range<usize>, total: &mut [f32]) {
        let mut aside: Vec<[[V; 3]; O]> = vec![[[V::zero(); 3]; O]; inputs.len() * 3];
        for start in (0..self.rows).step_by(ROWS_AT_ONCE) {
            let end = (start + ROWS_AT_ONCE).min(self.rows);
            for (place, sums_kept) in aside.iter_mut().enumerate() {
                let (input, dy) = (inputs.start + place / 3, place % 3);
                let mut sums = *sums_kept;
                for y in start..end {
                    let at = (input * self.input_rows + y + dy) * STRIDE;
                    let row = &self.input[at..at + WIDTH + 2];
                    let slopes: [&[f32]; O] = std::array::from_fn(|o| {
                        let at = self.first + ((from + o) * self.gradient_rows + y) * STRIDE;
                        &self.gradient[at..at + WIDTH]
                    });
                    for x in (0..WIDTH).step_by(V::LANES) {
                        let values: [V; 3] = std::array::from_fn(|dx| V::load(&row[x + dx..]));
                        for (sums, slopes) in sums.iter_mut().zip(slopes) {
                            let slope = V::load(&slopes[x..]);
                            for (sum, value) in sums.iter_mut().zip(values) {
                                *sum = sum.add_product(value, slope);
                            }
                        }
                    }
                }
                *sums_kept = sums;
            }
        }
        for (place, sums) in aside.iter().enumerate() {
            let (input, dy) = (inputs.start + place / 3, place % 3);
            for (o, sums) in sums.iter().enumerate() {
                for (dx, sum) in sums.iter().enumerate() {
                    total[((from + o) * self.inputs + input) * TAPS + dy * 3 + dx] += sum.sum();
                }
            }
        }
    }
}

/// The set for training: AVX2 kernels need FMA too.
#[cfg(target_arch = "x86_64")]
fn instruction_set() -> InstructionSet {
    match InstructionSet::current() {
        InstructionSet::Avx2 if !is_x86_feature_detected!("fma") => InstructionSet::Baseline,
        set => set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn planes(random: &mut Random, count: usize, rows: usize) -> Vec<f32> {
        (0..count * rows * STRIDE).map(|_| random.normal()).collect()
    }

    #[test]
    fn convolution_and_weight_gradient_are_the_sums_they_say_on_every_instruction_set() {
        let mut random = Random::new(7);
        for (inputs, outputs, rows) in [(6, 16, 9), (16, 6, 17), (3, 24, 4), (5, 7, 1)] {
            let input = planes(&mut random, inputs, rows + 2);
            let weights: Vec<f32> = (0..inputs * outputs * TAPS).map(|_| random.normal()).collect();
            let slopes = planes(&mut random, outputs, rows);
            for set in InstructionSet::available() {
                assert!(set.force());
                let mut output = vec![0.0; outputs * rows * STRIDE];
                let convolution = Convolution {
                    input: &input,
                    input_rows: rows + 2,
                    inputs,
                    weights: &weights,
                    outputs,
                    rows,
                };
                convolution.run(&mut output, rows, 0);
                let mut total = vec![0.0; weights.len()];
                let gradient = WeightGradient {
                    input: &input,
                    input_rows: rows + 2,
                    inputs,
                    gradient: &slopes,
                    gradient_rows: rows,
                    first: 0,
                    outputs,
                    rows,
                };
                gradient.add_to(&mut total);
                for o in 0..outputs {
                    for (y, x) in [(0, 0), (rows - 1, 63), (rows / 2, 31)] {
                        let mut expected = 0.0;
                        for i in 0..inputs {
                            for tap in 0..TAPS {
                                let at = (i * (rows + 2) + y + tap / 3) * STRIDE + x + tap % 3;
                                expected +=
                                    f64::from(weights[(o * inputs + i) * TAPS + tap]) * f64::from(input[at]);
                            }
                        }
                        let found = f64::from(output[(o * rows + y) * STRIDE + x]);
                        assert!((found - expected).abs() < 1e-3, "{set:?} {o} {y} {x}: {found} {expected}");
                    }
                    for tap in 0..inputs * TAPS {
                        let (i, tap) = (tap / TAPS, tap % TAPS);
                        let mut expected = 0.0;
                        for y in 0..rows {
                            for x in 0..WIDTH {
                                let at = (i * (rows + 2) + y + tap / 3) * STRIDE + x + tap % 3;
                                expected +=
                                    f64::from(slopes[(o * rows + y) * STRIDE + x]) * f64::from(input[at]);
                            }
                        }
                        let found = f64::from(total[(o * inputs + i) * TAPS + tap]);
                        assert!((found - expected).abs() < 1e-2, "{set:?} {o} {i} {tap}: {found} {expected}");
                    }
                }
            }
        }
    }
}
