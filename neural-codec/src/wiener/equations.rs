//! The normal equations of each class: sums of products of taps and of the error that they are to take away.
//!
//! The sums are integers, so that no order of frames or blocks changes them.

use super::classes::{BLOCK, CLASSES};
use super::luma::Luma;
use super::taps::{Aligned, Reach, TAPS};
use crate::error::Result;
use crate::frame::{Frame, Planes, Sample};
use crate::memory;
use crate::simd::simd_body;

/// Samples of a block.
const SAMPLES: usize = BLOCK * BLOCK;

/// The most that is multiplied with each other: the taps, and the error.
const TERMS: usize = TAPS + 1;

/// Products of every two.
const PRODUCTS: usize = TERMS * (TERMS + 1) / 2;

/// Sums that stand side by side.
const LANES: usize = SAMPLES / 2;

/// The largest sample, of 10 bits.
const MAX_SAMPLE: u16 = 1023;

/// Blocks that 32 bits hold: two products of 2046 levels squared a lane and block.
const MOST_BLOCKS: u32 = 200;

type Lanes = [[i32; LANES]; PRODUCTS];

/// The equations of some samples.
#[derive(Clone)]
pub(super) struct Equations {
    /// Taps, in front of the error.
    pub(super) taps: usize,
    /// `[taps + 1][taps + 1]`, the lower triangle row by row. Units: squared levels of the coded depth.
    products: [f64; PRODUCTS],
}

impl Equations {
    fn zero(taps: usize) -> Self {
        Self { taps, products: [0.0; PRODUCTS] }
    }

    /// Those of both.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.products.iter_mut().zip(&other.products).for_each(|(sum, other)| *sum += other);
        sum
    }

    /// Sum of the products of two terms; the last term is the error.
    pub(super) fn product(&self, a: usize, b: usize) -> f64 {
        let (row, column) = (a.max(b), a.min(b));
        self.products[row * (row + 1) / 2 + column]
    }

    /// Sum of the products of a tap with the error.
    pub(super) fn with_error(&self, tap: usize) -> f64 {
        self.product(self.taps, tap)
    }

    /// Sum of the squared errors.
    pub(super) fn error(&self) -> f64 {
        self.product(self.taps, self.taps)
    }
}

/// Sums over frames, class by class.
pub(super) struct EquationSums {
    taps: usize,
    lanes: Vec<Lanes>,
    blocks: Vec<u32>,
    totals: Vec<[i64; PRODUCTS]>,
}

impl EquationSums {
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new(reach: Reach) -> Result<Self> {
        let what = "equations of a Wiener filter";
        Ok(Self {
            taps: reach.taps(),
            lanes: memory::filled(what, CLASSES, [[0; LANES]; PRODUCTS])?,
            blocks: memory::filled(what, CLASSES, 0)?,
            totals: memory::filled(what, CLASSES, [0; PRODUCTS])?,
        })
    }

    /// Adds every `every`-th row of whole blocks, from `first` on.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn add(
        &mut self,
        source: &Frame,
        aligned: &Aligned<'_>,
        classes: &[u8],
        (first, every): (usize, usize),
    ) -> Result<()> {
        let luma = aligned.frame;
        let (columns, _) = luma.blocks(BLOCK);
        let (whole_columns, whole_rows) = (luma.width / BLOCK, luma.height / BLOCK);
        let width = whole_columns * BLOCK;
        if width == 0 {
            return Ok(());
        }
        let taps = self.taps;
        let mut lines = memory::filled("taps of a row", (taps + 1) * BLOCK * width, 0_i16)?;
        for row in (first..whole_rows).step_by(every) {
            for (number, line) in lines.chunks_exact_mut(width).enumerate() {
                let (term, y) = (number / BLOCK, row * BLOCK + number % BLOCK);
                if term < taps {
                    aligned.write_tap(term, luma.at(0, y), line);
                } else {
                    write_error(source, luma, y, line);
                }
            }
            for (column, &class) in classes[row * columns..][..whole_columns].iter().enumerate() {
                let class = usize::from(class);
                let mut block = [[0_i16; SAMPLES]; TERMS];
                for (number, line) in lines.chunks_exact(width).enumerate() {
                    let (term, y) = (number / BLOCK, number % BLOCK);
                    block[term][y * BLOCK..(y + 1) * BLOCK].copy_from_slice(&line[column * BLOCK..][..BLOCK]);
                }
                add_products(&block[..=taps], &mut self.lanes[class]);
                self.blocks[class] += 1;
                if self.blocks[class] == MOST_BLOCKS {
                    self.settle(class);
                }
            }
        }
        Ok(())
    }

    /// Moves what 32 bits hold to 64.
    fn settle(&mut self, class: usize) {
        for (total, lanes) in self.totals[class].iter_mut().zip(&mut self.lanes[class]) {
            *total += lanes.iter().map(|&sum| i64::from(sum)).sum::<i64>();
            lanes.fill(0);
        }
        self.blocks[class] = 0;
    }

    /// The equations of each class.
    pub(super) fn finish(mut self) -> Vec<Equations> {
        (0..CLASSES).for_each(|class| self.settle(class));
        let equations = |totals: &[i64; PRODUCTS]| {
            let mut equations = Equations::zero(self.taps);
            equations.products.iter_mut().zip(totals).for_each(|(sum, &total)| *sum = total as f64);
            equations
        };
        self.totals.iter().map(equations).collect()
    }
}

/// Source less decoded samples, at the depth of the latter.
fn write_error(source: &Frame, luma: &Luma, y: usize, into: &mut [i16]) {
    let shift = luma.shift as i32 - i32::from(source.format().depth.bits() - 8);
    let decoded = &luma.samples[luma.at(0, y)..];
    match source.planes() {
        Planes::U8(planes) => subtract(planes[0].row(y), decoded, shift, into),
        Planes::U16(planes) => subtract(planes[0].row(y), decoded, shift, into),
    }
}

fn subtract<T: Sample>(source: &[T], decoded: &[u16], shift: i32, into: &mut [i16]) {
    for ((into, &source), &decoded) in into.iter_mut().zip(source).zip(decoded) {
        let source: u16 = source.into();
        let source = source.min(MAX_SAMPLE);
        let level = if shift < 0 { source >> -shift } else { source << shift };
        *into = level as i16 - decoded as i16;
    }
}

simd_body! {
    fn add_products(block: &[[i16; SAMPLES]], lanes: &mut Lanes) { add_products_body(block, lanes) }
}

#[inline(always)]
fn add_products_body(block: &[[i16; SAMPLES]], lanes: &mut Lanes) {
    let mut product = 0;
    for row in 0..block.len() {
        for column in 0..=row {
            let (a, b, sums) = (&block[row], &block[column], &mut lanes[product]);
            for (lane, sum) in sums.iter_mut().enumerate() {
                let pair = |index: usize| i32::from(a[index]) * i32::from(b[index]);
                *sum += pair(2 * lane) + pair(2 * lane + 1);
            }
            product += 1;
        }
    }
}
