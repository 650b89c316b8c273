//! The weighted sums of a frame.

use rayon::prelude::*;

use super::classes::BLOCK;
use super::code::{WEIGHT_BITS, WienerWeights};
use super::taps::Aligned;
use crate::error::Result;
use crate::frame::{Frame, Planes, Sample};
use crate::memory;
use crate::simd::simd_body;

/// Room for the sums of a row.
struct Rows {
    /// The weight of each sample of a row of blocks, tap by tap.
    weights: Vec<i16>,
    tap: Vec<i16>,
    sums: Vec<i32>,
}

/// Rows of blocks that are filtered together, side by side with others.
const BAND: usize = 16;

/// The frame with its luma filtered; chroma stays as it is.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn apply(
    frame: &Frame,
    aligned: &Aligned<'_>,
    classes: &[u8],
    weights: &WienerWeights,
) -> Result<Frame> {
    let mut filtered = frame.try_clone()?;
    let max = frame.format().depth.max_value();
    let (columns, _) = aligned.frame.blocks(BLOCK);
    let bands = classes.par_chunks(BAND * columns).enumerate();
    let samples = BAND * BLOCK * frame.width();
    match filtered.planes_mut() {
        Planes::U8(planes) => {
            (planes[0].samples_mut().par_chunks_mut(samples).zip(bands)).try_for_each(|(rows, band)| {
                filter_band(rows, band, aligned, weights, |row, sums| add_u8(row, sums, max))
            })
        }
        Planes::U16(planes) => {
            (planes[0].samples_mut().par_chunks_mut(samples).zip(bands)).try_for_each(|(rows, band)| {
                filter_band(rows, band, aligned, weights, |row, sums| add_u16(row, sums, max))
            })
        }
    }?;
    Ok(filtered)
}

/// Filters a band of rows, of which the number and the classes are given; `add` moves the samples of a row.
fn filter_band<T>(
    samples: &mut [T],
    (band, classes): (usize, &[u8]),
    aligned: &Aligned<'_>,
    weights: &WienerWeights,
    add: impl Fn(&mut [T], &[i32]),
) -> Result<()> {
    let (columns, _) = aligned.frame.blocks(BLOCK);
    let (width, taps) = (columns * BLOCK, weights.reach.taps());
    let mut rows = Rows {
        weights: memory::filled("weights of a row", taps * width, 0)?,
        tap: memory::filled("taps of a row", width, 0)?,
        sums: memory::filled("sums of a row", width, 0)?,
    };
    let of_blocks = samples.chunks_mut(BLOCK * aligned.frame.width).zip(classes.chunks_exact(columns));
    for (block_row, (samples, classes)) in of_blocks.enumerate() {
        let groups = || classes.iter().map(|&class| weights.groups[usize::from(class)]);
        if groups().all(|group| group == 0) {
            continue;
        }
        for tap in 0..taps {
            let into = &mut rows.weights[tap * width..][..width];
            for (into, group) in into.chunks_exact_mut(BLOCK).zip(groups()) {
                let weight = usize::from(group).checked_sub(1).map_or(0, |group| weights.weights[group][tap]);
                into.fill(weight);
            }
        }
        for (y, row) in samples.chunks_exact_mut(aligned.frame.width).enumerate() {
            sum_row(aligned, (band * BAND + block_row) * BLOCK + y, &mut rows);
            add(row, &rows.sums);
        }
    }
    Ok(())
}

simd_body! {
    fn add_u8(row: &mut [u8], sums: &[i32], max: u16) { add(row, sums, max) }
}
simd_body! {
    fn add_u16(row: &mut [u16], sums: &[i32], max: u16) { add(row, sums, max) }
}

#[inline(always)]
fn add<T: Sample>(row: &mut [T], sums: &[i32], max: u16) {
    for (sample, &sum) in row.iter_mut().zip(sums) {
        let moved = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
        let value: u16 = (*sample).into();
        *sample = T::saturating_from((i32::from(value) + moved).clamp(0, max.into()) as u16);
    }
}

simd_body! {
    fn sum_row(aligned: &Aligned<'_>, y: usize, rows: &mut Rows) { sum_row_body(aligned, y, rows) }
}

#[inline(always)]
fn sum_row_body(aligned: &Aligned<'_>, y: usize, rows: &mut Rows) {
    let start = aligned.frame.at(0, y);
    rows.sums.fill(0);
    for (tap, weights) in rows.weights.chunks_exact(rows.tap.len()).enumerate() {
        aligned.write_tap(tap, start, &mut rows.tap);
        for ((sum, &weight), &tap) in rows.sums.iter_mut().zip(weights).zip(&rows.tap) {
            *sum += i32::from(weight) * i32::from(tap);
        }
    }
}
