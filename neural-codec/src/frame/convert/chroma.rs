//! Chroma between subsampled and full resolution.
//!
//! The filter is the cubic of Mitchell and Netravali with B = 0 and C = 0.6 (FFmpeg's default bicubic), stretched by two
//! for halving; edges repeat. Sampled at the quarter positions that chroma siting needs, its values are
//! multiples of 1/320, so the taps below are exact:
//! `w(1/4) = 279/320, w(1/2) = 184/320, w(3/4) = 77/320, w(5/4) = -27/320, w(3/2) = -24/320, w(7/4) = -9/320`.
//!
//! Upsampling is exact up to one rounding, to [`up_unit`](super::units::up_unit) steps a code value. Halving rounds the input to
//! `2^(30 - depth) / 800` steps a code value, so that two passes over 640, with 9 bits dropped between
//! them, end at `2^(30 - depth)`.

use super::rows;
use super::units::{DOWN_UNIT_BITS, up_shift};
use crate::frame::{BitDepth, ChromaLocation, Layout, PixelFormat, Plane, Sample};

/// Taps that double: the even output over samples -2 to 1 of its place, the odd one over -1 to 2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubling {
    pub(super) even: [i32; 4],
    pub(super) odd: [i32; 4],
}

/// Chroma halfway between two luma samples.
const DOUBLE_CENTERED: Doubling = Doubling { even: [-9, 77, 279, -27], odd: [-27, 279, 77, -9] };
/// Chroma on the even luma sample.
const DOUBLE_COSITED: Doubling = Doubling { even: [0, 0, 320, 0], odd: [-24, 184, 184, -24] };
/// Taps that halve, in 1/640, over samples -3 to 4 of the even input.
const HALVE_CENTERED: [i32; 8] = [-9, -27, 77, 279, 279, 77, -27, -9];
const HALVE_COSITED: [i32; 8] = [-24, 0, 184, 320, 184, 0, -24, 0];
/// The sample itself, in 1/640.
const KEEP: [i32; 8] = [0, 0, 0, 640, 0, 0, 0, 0];

/// Whether chroma is at half resolution along x and along y.
pub(super) fn subsampling(layout: Layout) -> (bool, bool) {
    match layout {
        Layout::Yuv420 => (true, true),
        Layout::Yuv422 => (true, false),
        Layout::Yuv444 | Layout::Rgb => (false, false),
    }
}

/// Whether a location lies between samples along x and along y. Unspecified counts as left.
fn centered(location: ChromaLocation) -> (bool, bool) {
    match location {
        ChromaLocation::Center => (true, true),
        ChromaLocation::Left | ChromaLocation::Unspecified => (false, true),
        ChromaLocation::TopLeft => (false, false),
    }
}

/// How chroma of one layout gets to the resolution of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct UpTaps {
    pub(super) horizontal: Option<Doubling>,
    pub(super) vertical: Option<Doubling>,
    pub(super) neutral: i32,
    pub(super) shift: u32,
}

impl UpTaps {
    pub(super) fn new(from: Layout, to: Layout, location: ChromaLocation, depth: BitDepth) -> Self {
        let doubling = |centered| if centered { DOUBLE_CENTERED } else { DOUBLE_COSITED };
        let ((from_x, from_y), (to_x, to_y)) = (subsampling(from), subsampling(to));
        let (center_x, center_y) = centered(location);
        Self {
            horizontal: (from_x && !to_x).then(|| doubling(center_x)),
            vertical: (from_y && !to_y).then(|| doubling(center_y)),
            neutral: 1 << (depth.bits() - 1),
            shift: up_shift(depth),
        }
    }
}

/// Gives rows of a chroma plane at a higher resolution, centered on 0, in [`up_unit`](super::units::up_unit) steps.
pub(super) struct Upsampler {
    taps: UpTaps,
    /// One row after the vertical pass, with two samples of padding at each end.
    padded: Vec<i32>,
}

impl Upsampler {
    /// From planes of `from`, `width` wide, to the resolution of `to`.
    pub(super) fn new(
        from: Layout,
        to: Layout,
        location: ChromaLocation,
        depth: BitDepth,
        width: usize,
    ) -> Self {
        Self { taps: UpTaps::new(from, to, location, depth), padded: vec![0; width + 4] }
    }

    /// Row `y` at the higher resolution. `out` holds at least twice the plane's width.
    pub(super) fn row<T: rows::Row>(&mut self, plane: &Plane<T>, y: usize, out: &mut [i32]) {
        let UpTaps { horizontal, vertical, neutral, shift } = self.taps;
        let (first, taps) = match vertical {
            None => (y as isize - 2, [0, 0, 320, 0]),
            Some(taps) if y.is_multiple_of(2) => ((y / 2) as isize - 2, taps.even),
            Some(taps) => ((y / 2) as isize - 1, taps.odd),
        };
        let n = plane.width();
        let source = [0, 1, 2, 3].map(|k| clamped_row(plane, first + k));
        T::blend4(source, taps, neutral * 320, &mut self.padded[2..n + 2]);
        match horizontal {
            None => rows::scale(&self.padded[2..n + 2], 320, shift, &mut out[..n]),
            Some(taps) => {
                let (left, right) = (self.padded[2], self.padded[n + 1]);
                self.padded[..2].fill(left);
                self.padded[n + 2..].fill(right);
                rows::double(&self.padded, taps.even, taps.odd, shift, &mut out[..2 * n]);
            }
        }
    }
}

fn clamped_row<T: Sample>(plane: &Plane<T>, y: isize) -> &[T] {
    plane.row(y.clamp(0, plane.height() as isize - 1) as usize)
}

/// How chroma of one layout gets to the lower resolution of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct DownTaps {
    pub(super) horizontal: Option<[i32; 8]>,
    pub(super) vertical: [i32; 8],
    /// Input rows for each output row.
    pub(super) step: usize,
}

impl DownTaps {
    pub(super) fn new(from: Layout, to: Layout, location: ChromaLocation) -> Self {
        let halving = |centered| if centered { HALVE_CENTERED } else { HALVE_COSITED };
        let ((from_x, from_y), (to_x, to_y)) = (subsampling(from), subsampling(to));
        let (center_x, center_y) = centered(location);
        let halve_y = to_y && !from_y;
        Self {
            horizontal: (to_x && !from_x).then(|| halving(center_x)),
            vertical: if halve_y { halving(center_y) } else { KEEP },
            step: if halve_y { 2 } else { 1 },
        }
    }
}

/// Makes the rows of a chroma plane at a lower resolution as rows at a higher one come in.
pub(super) struct Downsampler {
    taps: DownTaps,
    width: usize,
    height: usize,
    depth: BitDepth,
    /// An input row, with samples of padding at each end; then its even and odd samples.
    padded: Vec<i32>,
    phases: [Vec<i32>; 2],
    /// The last eight input rows after the horizontal pass, by row number modulo 8.
    ring: [Vec<i32>; 8],
    finished: Vec<i32>,
    rows_in: usize,
    rows_out: usize,
}

impl Downsampler {
    /// From `width x height` samples at the resolution of `from` to planes of `to`.
    pub(super) fn new(
        from: Layout,
        to: PixelFormat,
        location: ChromaLocation,
        width: usize,
        height: usize,
    ) -> Self {
        let taps = DownTaps::new(from, to.layout, location);
        let n = if taps.horizontal.is_some() { width.div_ceil(2) } else { width };
        Self {
            taps,
            width,
            height,
            depth: to.depth,
            padded: vec![0; (2 * n + 6).max(width + 6)],
            phases: [vec![0; n + 3], vec![0; n + 3]],
            ring: std::array::from_fn(|_| vec![0; n]),
            finished: vec![0; n],
            rows_in: 0,
            rows_out: 0,
        }
    }

    /// Takes the next row, which `fill` gives in filter units, and writes the rows of `target` that are now known.
    pub(super) fn push<T: rows::Row>(&mut self, fill: impl FnOnce(&mut [i32]), target: &mut Plane<T>) {
        fill(&mut self.padded[3..3 + self.width]);
        self.filter_row();
        self.rows_in += 1;
        let bottom = self.height as isize - 1;
        while self.rows_out < target.height() {
            let first = (self.rows_out * self.taps.step) as isize - 3;
            if self.rows_in as isize <= (first + 7).min(bottom) {
                break;
            }
            let input = [0, 1, 2, 3, 4, 5, 6, 7]
                .map(|j| self.ring[(first + j).clamp(0, bottom) as usize % 8].as_slice());
            let shift = DOWN_UNIT_BITS - u32::from(self.depth.bits());
            let bias = (1 << (DOWN_UNIT_BITS - 1)) + (1 << (shift - 1));
            let max = i32::from(self.depth.max_value());
            rows::blend8(input, self.taps.vertical, bias, shift, max, &mut self.finished);
            T::narrow(&self.finished, target.row_mut(self.rows_out));
            self.rows_out += 1;
        }
    }

    /// The horizontal pass, into the ring.
    fn filter_row(&mut self) {
        let out = &mut self.ring[self.rows_in % 8];
        let end = 3 + self.width;
        let Some(taps) = self.taps.horizontal else {
            return rows::scale(&self.padded[3..end], 640, 9, out);
        };
        let (left, right) = (self.padded[3], self.padded[end - 1]);
        self.padded[..3].fill(left);
        self.padded[end..].fill(right);
        let [even, odd] = &mut self.phases;
        rows::split(&self.padded, even, odd);
        rows::halve(even, odd, taps, 9, out);
    }
}
