//! One strip of a picture through all layers, row by row.
//!
//! Each layer keeps the last three rows of its input in a ring. A row of the picture that enters the first ring lets
//! every layer make one row more, so that what a layer reads is still in the cache, whatever the strip's height.

use std::cell::RefCell;
use std::ops::Range;

use super::blocks::Map;
use super::packed::PackedLayer;
use super::samples::{Filtered, LEFT, Pair, correct_row, read_row, site};
use super::simd::{Kernel, Row};
use crate::error::Result;
use crate::filter::MAX_LAYERS;
use crate::frame::Plane;
use crate::memory;

/// Sites in a buffer after the last of the picture: what a kernel's last vectors may pass over.
const RIGHT: usize = MAX_LAYERS + 2 + 64;
/// Activations in a cache line of 64 bytes.
const LINE: usize = 32;

/// A filter at work on a picture.
pub(super) struct Task<'a, T> {
    pub(super) kernel: Kernel,
    pub(super) layers: &'a [PackedLayer],
    pub(super) planes: &'a [Plane<T>; 3],
    /// What the channels of a site hold.
    pub(super) pairs: &'a [Pair],
    /// Sites in a row, and rows.
    pub(super) sites: (usize, usize),
    pub(super) map: Map<'a>,
    pub(super) temporal_layer: usize,
    /// 14 less the bits of a sample.
    pub(super) shift: u32,
}

/// Rows of sites to make, and the samples of the three planes to correct, as decoded.
pub(super) struct Strip<'a, T> {
    pub(super) rows: Range<usize>,
    pub(super) planes: [&'a mut [T]; 3],
}

thread_local! {
    static SCRATCH: RefCell<Vec<i16>> = const { RefCell::new(Vec::new()) };
}

impl<T: Filtered> Task<'_, T> {
    /// Corrects the samples of a strip.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn run(&self, strip: Strip<'_, T>) -> Result<()> {
        SCRATCH.with_borrow_mut(|scratch| {
            let rings = Rings::new(self.layers, self.sites.0);
            let needed = rings.len() + LINE;
            if scratch.len() < needed {
                memory::grow("rows of a filter", scratch, needed - scratch.len())?;
                scratch.resize(needed, 0);
            }
            let aligned = scratch.as_ptr().align_offset(2 * LINE).min(LINE);
            self.fill(strip, &rings, &mut scratch[aligned..][..rings.len()]);
            Ok(())
        })
    }

    fn fill(&self, mut strip: Strip<'_, T>, rings: &Rings, buffer: &mut [i16]) {
        let count = self.layers.len();
        let mut spans = Vec::new();
        for step in 0..strip.rows.len() + 2 * count {
            let y = self.row(&strip, step, 0);
            self.spans(&strip, y, 0, &mut spans);
            let y = y.clamp(0, self.sites.1 as isize - 1) as usize;
            for span in &spans {
                let row = &mut buffer[rings.row(0, step)];
                read_row(self.planes, self.pairs, (y, self.sites.0), span, self.shift, row);
            }
            for level in 1..=count.min(step / 2) {
                self.spans(&strip, self.row(&strip, step, level), level, &mut spans);
                self.convolve(level, step, &spans, rings, buffer);
            }
            if step >= 2 * count {
                let y = self.row(&strip, step, count) as usize;
                self.write(&mut strip, y, &spans, &buffer[rings.row(count, step - count)]);
            }
        }
    }

    /// The row that a step makes at a level: 0 is the input, `l` what layer `l` makes.
    fn row(&self, strip: &Strip<'_, T>, step: usize, level: usize) -> isize {
        (strip.rows.start + step) as isize - (self.layers.len() + level) as isize
    }

    /// The columns of a row that are needed at a level.
    fn spans(&self, strip: &Strip<'_, T>, y: isize, level: usize, spans: &mut Vec<Range<isize>>) {
        let reach = self.layers.len() - level;
        let first = (y - reach as isize).max(strip.rows.start as isize) as usize;
        let end = ((y + reach as isize + 1) as usize).min(strip.rows.end);
        self.map.spans(first..end, reach, spans);
    }

    /// Makes the row of a step at a level, from three rows of the level below.
    fn convolve(&self, level: usize, step: usize, spans: &[Range<isize>], rings: &Rings, buffer: &mut [i16]) {
        let made = step - level;
        let output = rings.row(level, made);
        let (below, above) = buffer.split_at_mut(rings.starts[level]);
        let inputs = [made - 1, made, made + 1].map(|row| &below[rings.row(level - 1, row)]);
        let output = &mut above[output.start - rings.starts[level]..output.end - rings.starts[level]];
        for span in spans {
            self.kernel.convolve(&mut Row {
                layer: &self.layers[level - 1],
                temporal_layer: self.temporal_layer,
                inputs,
                output,
                sites: site(span.start) / 2..site(span.end) / 2,
                stride: rings.stride,
            });
        }
    }

    /// Adds the residual within the spans to the samples of a row of sites, which are there as decoded.
    fn write(&self, strip: &mut Strip<'_, T>, y: usize, spans: &[Range<isize>], residual: &[i16]) {
        let place = (y - strip.rows.start, self.planes.each_ref().map(Plane::width));
        for span in spans {
            correct_row(&mut strip.planes, self.pairs, place, span, self.shift, residual);
        }
    }
}

/// Where the rings of all levels lie in one buffer.
struct Rings {
    /// Where the three rows of a level start; behind the last, the end.
    starts: Vec<usize>,
    /// Pairs of channels at a level.
    pairs: Vec<usize>,
    /// Sites in a row of a pair, an odd number of cache lines so that pairs do not compete for places in the cache.
    stride: usize,
}

impl Rings {
    fn new(layers: &[PackedLayer], width: usize) -> Self {
        let lines = (2 * (LEFT + width + RIGHT)).div_ceil(LINE) | 1;
        let mut pairs = vec![layers[0].pairs_in];
        pairs.extend(layers.iter().map(|layer| layer.pairs_out));
        let mut starts = vec![0];
        for (level, pairs) in pairs.iter().enumerate() {
            starts.push(starts[level] + 3 * pairs * lines * LINE);
        }
        Self { starts, pairs, stride: lines * LINE / 2 }
    }

    fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The activations of a row of a level, shape `[pairs][stride][2]`.
    fn row(&self, level: usize, row: usize) -> Range<usize> {
        let len = 2 * self.pairs[level] * self.stride;
        let start = self.starts[level] + row % 3 * len;
        start..start + len
    }
}
