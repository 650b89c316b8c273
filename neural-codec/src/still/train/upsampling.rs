//! Upsampling in floats: a plane of twice the size, and the gradient.

use super::lanes::{add_scaled, dot, fused, trained};
use super::planes::Plane;
use crate::error::Result;

/// Rows that a row of the output is made of, nearest first where the row is even from above.
fn lines(y: usize, height: usize) -> [usize; 4] {
    let at = |offset: isize| (y / 2).saturating_add_signed(offset).min(height - 1);
    if y.is_multiple_of(2) { [at(-2), at(-1), at(0), at(1)] } else { [at(2), at(1), at(0), at(-1)] }
}

/// A plane of twice the size: down first, then across.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn double(from: &Plane, (width, height): (usize, usize), taps: [f32; 4]) -> Result<Plane> {
    let mut output = Plane::new(width, height)?;
    let mut tall = vec![0.0; from.width + 4];
    let (mut evens, mut odds) = (vec![0.0; from.width], vec![0.0; from.width]);
    for y in 0..height {
        let lines = lines(y, from.height).map(|line| from.row(line));
        stretched(lines, taps, &mut tall);
        combine(windows(&tall, false), taps, &mut evens);
        combine(windows(&tall, true), taps, &mut odds);
        for ((pair, &even), &odd) in output.row_mut(y).chunks_mut(2).zip(&evens).zip(&odds) {
            pair[0] = even;
            if let Some(second) = pair.get_mut(1) {
                *second = odd;
            }
        }
    }
    Ok(output)
}

/// A row between rows, with two more values at both ends.
fn stretched(lines: [&[f32]; 4], taps: [f32; 4], tall: &mut [f32]) {
    let width = tall.len() - 4;
    combine(lines, taps, &mut tall[2..width + 2]);
    let (first, last) = (tall[2], tall[width + 1]);
    tall[..2].fill(first);
    tall[width + 2..].fill(last);
}

fn windows(tall: &[f32], odd: bool) -> [&[f32]; 4] {
    let shifted = |by: usize| &tall[by..][..tall.len() - 4];
    if odd {
        [shifted(4), shifted(3), shifted(2), shifted(1)]
    } else {
        [shifted(0), shifted(1), shifted(2), shifted(3)]
    }
}

/// The gradient by the smaller plane is added to `to`; that by the taps is given.
pub(super) fn double_backward(from: &Plane, gradient: &Plane, taps: [f32; 4], to: &mut Plane) -> [f32; 4] {
    let width = from.width;
    let mut by_taps = [0.0; 4];
    let mut tall = vec![0.0; width + 4];
    let mut by_tall = vec![0.0; width + 4];
    let (mut evens, mut odds) = (vec![0.0; width], vec![0.0; width]);
    for y in 0..gradient.height {
        let numbers = lines(y, from.height);
        stretched(numbers.map(|line| from.row(line)), taps, &mut tall);
        odds.fill(0.0);
        for ((pair, even), odd) in gradient.row(y).chunks(2).zip(&mut evens).zip(&mut odds) {
            *even = pair[0];
            *odd = pair.get(1).copied().unwrap_or(0.0);
        }
        by_tall.fill(0.0);
        for (side, odd) in [(&evens, false), (&odds, true)] {
            for (tap, window) in windows(&tall, odd).into_iter().enumerate() {
                by_taps[tap] += dot(side, window);
                let at = if odd { 4 - tap } else { tap };
                add_scaled(side, taps[tap], &mut by_tall[at..at + width]);
            }
        }
        by_tall[2] += by_tall[0] + by_tall[1];
        by_tall[width + 1] += by_tall[width + 2] + by_tall[width + 3];
        let by_row = &by_tall[2..width + 2];
        for (tap, line) in numbers.into_iter().enumerate() {
            by_taps[tap] += dot(by_row, from.row(line));
            add_scaled(by_row, taps[tap], to.row_mut(line));
        }
    }
    by_taps
}

trained! {
    fn combine(rows: [&[f32]; 4], taps: [f32; 4], output: &mut [f32]) { combine_body }
}

#[inline(always)]
fn combine_body<const FUSED: bool>(rows: [&[f32]; 4], taps: [f32; 4], output: &mut [f32]) {
    let [a, b, c, d] = rows;
    for ((((output, &a), &b), &c), &d) in output.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let sum = fused::<FUSED>(taps[1], b, taps[0] * a);
        *output = fused::<FUSED>(taps[3], d, fused::<FUSED>(taps[2], c, sum));
    }
}
