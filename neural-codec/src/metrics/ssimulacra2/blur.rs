//! A Gaussian of sigma 1.5, by recursion: three oscillations, each of which only needs its last two values.
//!
//! Source: Charalampidis, "Recursive implementation of the Gaussian filter using truncated cosine functions", IEEE TSP 64(14), 2016, with
//! N = 5. What the recursion adds up to ends after 4 samples, but for its rounding, which goes on to the end of the row. The authors' values
//! have that rounding in them, so it is the same here: across, four samples follow from the state before them; down, each from the last
//! two; a product and what is added to it are rounded once. Beyond the picture is 0.

use crate::simd::fused_body;

/// Values of a sample that are blurred side by side.
pub(super) const LANES: usize = 16;
pub(super) type Lanes = [f32; LANES];

/// Samples after a value that it depends on.
pub(super) const REACH: usize = 4;
/// From the first to the last of the two samples that a step of an oscillation adds.
pub(super) const SPAN: usize = 10;
/// Columns of 0 before a row and after it, by which no column of it is told from another.
pub(super) const BEFORE: usize = SPAN - REACH;

/// Columns that are made at once, from which on, and up to how many before the end.
const GROUP: usize = 4;
const FIRST_GROUP: usize = 8;
const LAST_GROUP: usize = 7;

/// One oscillation: the next value is `gain` times the sum of two samples, and `turn` times the last value, less the one before.
#[derive(Debug, Clone, Copy)]
struct Oscillation {
    gain: f32,
    turn: f32,
    /// What a sum counts for the value of its sample and for the three after it.
    gains: [f32; GROUP],
    /// What the last value, and the one before, count for each of the next four.
    last: [f32; GROUP],
    before: [f32; GROUP],
}

/// The last value of each oscillation, and the one before.
#[derive(Default)]
struct State {
    last: [Lanes; 3],
    before: [Lanes; 3],
}

/// The three oscillations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blur([Oscillation; 3]);

impl Blur {
    pub(super) fn new() -> Self {
        /// Shares of the three cosines, for which samples count 1 in sum and have a variance of 1.5^2.
        const SHARES: [f64; 3] =
            [0.178_939_141_641_491_33, 0.072_726_144_736_190_2, 0.012_955_819_110_517_089];
        let oscillation = |at: usize| {
            let angle = std::f64::consts::PI / SPAN as f64 * (2 * at + 1) as f64;
            let (gain, turn) = (-SHARES[at] * (6.0 * angle).cos(), 2.0 * angle.cos());
            // How an impulse goes on.
            let mut impulse = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
            (2..6).for_each(|step| impulse[step] = turn * impulse[step - 1] - impulse[step - 2]);
            let from = |first: usize, factor: f64| {
                std::array::from_fn(|step| (impulse[first + step] * factor) as f32)
            };
            Oscillation {
                gain: gain as f32,
                turn: turn as f32,
                gains: from(1, gain),
                last: from(2, 1.0),
                before: from(1, -1.0),
            }
        };
        Self(std::array::from_fn(oscillation))
    }
}

fused_body! {
    /// A row, blurred along it; `padded` has [`BEFORE`] columns of 0 before it and [`REACH`] after it.
    pub(super) fn blur_across(blur: &Blur, padded: &[Lanes], out: &mut [Lanes]) { blur_across_body(blur, padded, out) }
}

#[inline(always)]
fn blur_across_body(blur: &Blur, padded: &[Lanes], out: &mut [Lanes]) {
    let width = out.len();
    let padded = &padded[..width + SPAN];
    let mut state = State::default();
    for ahead in &padded[BEFORE..SPAN] {
        one(blur, ahead, &mut state);
    }
    let mut column = 0;
    while column < width {
        if column < FIRST_GROUP || column + LAST_GROUP >= width {
            out[column] = one(blur, &sum(&padded[column], &padded[column + SPAN]), &mut state);
            column += 1;
        } else {
            let sums = std::array::from_fn(|step| sum(&padded[column + step], &padded[column + step + SPAN]));
            out[column..column + GROUP].copy_from_slice(&four(blur, &sums, &mut state));
            column += GROUP;
        }
    }
}

#[inline(always)]
fn sum(first: &Lanes, last: &Lanes) -> Lanes {
    std::array::from_fn(|lane| first[lane] + last[lane])
}

/// The next value.
#[inline(always)]
fn one(Blur(oscillations): &Blur, sum: &Lanes, State { last, before }: &mut State) -> Lanes {
    for ((wave, last), before) in oscillations.iter().zip(last.iter_mut()).zip(before) {
        for lane in 0..LANES {
            let next = wave.turn.mul_add(last[lane], sum[lane] * wave.gain - before[lane]);
            (before[lane], last[lane]) = (last[lane], next);
        }
    }
    all(last)
}

/// The next four values.
#[inline(always)]
fn four(Blur(oscillations): &Blur, sums: &[Lanes; GROUP], state: &mut State) -> [Lanes; GROUP] {
    let mut next = [[[0.0; LANES]; 3]; GROUP];
    for (step, next) in next.iter_mut().enumerate() {
        for ((wave, next), (last, before)) in
            oscillations.iter().zip(next).zip(state.last.iter().zip(&state.before))
        {
            for lane in 0..LANES {
                let mut value = sums[0][lane] * wave.gains[step];
                for (sum, gain) in sums[1..=step].iter().zip(wave.gains[..step].iter().rev()) {
                    value = gain.mul_add(sum[lane], value);
                }
                value = wave.before[step].mul_add(before[lane], value);
                next[lane] = wave.last[step].mul_add(last[lane], value);
            }
        }
    }
    (state.before, state.last) = (next[GROUP - 2], next[GROUP - 1]);
    next.each_ref().map(all)
}

#[inline(always)]
fn all([first, second, third]: &[Lanes; 3]) -> Lanes {
    std::array::from_fn(|lane| first[lane] + (second[lane] + third[lane]))
}

/// Rows that are blurred downwards, one after the other.
pub(super) struct Down {
    /// The last [`SPAN`] rows, taken in turns.
    rows: Vec<Lanes>,
    /// Of each oscillation the last row and the one before.
    state: Vec<Lanes>,
    taken: usize,
}

impl Down {
    /// Of empty rows, each of so many columns.
    pub(super) fn new(width: usize) -> crate::error::Result<Self> {
        let rows = |count: usize| crate::memory::filled("rows for ssimulacra2", count * width, [0.0; LANES]);
        Ok(Self { rows: rows(SPAN)?, state: rows(6)?, taken: 0 })
    }

    /// Takes a row, and gives the one that lies [`REACH`] rows before it.
    pub(super) fn take(&mut self, blur: &Blur, row: &[Lanes], out: &mut [Lanes]) {
        let first = self.taken % SPAN * row.len();
        blur_down(blur, &mut self.rows[first..first + row.len()], row, &mut self.state, out);
        self.taken += 1;
    }
}

fused_body! {
    /// The next row of each oscillation, in place of the one before the last, and their sum. `oldest` becomes `row`.
    fn blur_down(blur: &Blur, oldest: &mut [Lanes], row: &[Lanes], state: &mut [Lanes], out: &mut [Lanes]) {
        blur_down_body(blur, oldest, row, state, out)
    }
}

#[inline(always)]
fn blur_down_body(
    Blur(oscillations): &Blur,
    oldest: &mut [Lanes],
    row: &[Lanes],
    state: &mut [Lanes],
    out: &mut [Lanes],
) {
    for ((oldest, row), (state, out)) in oldest.iter_mut().zip(row).zip(state.chunks_exact_mut(6).zip(out)) {
        let mut values = [[0.0; LANES]; 3];
        for (at, (wave, value)) in oscillations.iter().zip(&mut values).enumerate() {
            for lane in 0..LANES {
                let (last, before) = (state[2 * at][lane], state[2 * at + 1][lane]);
                let next = wave.gain.mul_add(oldest[lane] + row[lane], wave.turn.mul_add(last, -before));
                (value[lane], state[2 * at][lane], state[2 * at + 1][lane]) = (next, next, last);
            }
        }
        *oldest = *row;
        *out = all(&values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::InstructionSet;

    /// What a sample at a distance counts: a Gaussian as a sum of cosines.
    const KERNEL: [f32; 6] = [0.264_621_1, 0.212_928_6, 0.109_335_37, 0.036_011_115, 0.009_414_368, 0.0];

    fn expect_kernel(found: &[Lanes], middle: usize) {
        for (at, found) in found.iter().enumerate() {
            let expected = KERNEL[at.abs_diff(middle).min(5)];
            assert!(
                found.iter().all(|found| (found - expected).abs() < 1e-6),
                "{at}: {} not {expected}",
                found[0]
            );
        }
    }

    #[test]
    fn a_point_becomes_the_kernel_both_ways() {
        let blur = Blur::new();
        for (width, middle) in [(40, 17), (40, 0), (40, 39), (9, 4), (1, 0), (3, 1)] {
            let mut padded = vec![[0.0; LANES]; width + SPAN];
            padded[BEFORE + middle] = [1.0; LANES];
            let mut out = vec![[9.0; LANES]; width];
            blur_across(&blur, &padded, &mut out);
            expect_kernel(&out, middle);

            let mut down = Down::new(1).unwrap();
            let rows: Vec<Lanes> = (0..width + REACH)
                .map(|row| {
                    let mut out = [[9.0; LANES]];
                    down.take(&blur, &[[f32::from(row == middle); LANES]], &mut out);
                    out[0]
                })
                .collect();
            expect_kernel(&rows[REACH..], middle);
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same() {
        let value = |at: usize| std::array::from_fn(|lane| ((at * 37 + lane * 11) % 101) as f32 / 101.0);
        let mut padded: Vec<Lanes> = (0..60).map(value).collect();
        padded[..BEFORE].fill([0.0; LANES]);
        padded[60 - REACH..].fill([0.0; LANES]);
        let blurred = || {
            let (blur, mut across, mut out) = (Blur::new(), vec![[0.0; LANES]; 50], vec![[0.0; LANES]; 50]);
            blur_across(&blur, &padded, &mut across);
            let mut down = Down::new(50).unwrap();
            (0..9).for_each(|_| down.take(&blur, &across, &mut out));
            (across, out)
        };
        let expected = blurred();
        for set in InstructionSet::available() {
            assert!(set.force());
            assert_eq!(blurred(), expected, "{set:?}");
        }
    }
}
