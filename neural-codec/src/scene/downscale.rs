//! Box-averaged miniatures of a frame: what all scene analysis reads.

use crate::error::Result;
use crate::frame::{Frame, Layout, Plane, Planes, Sample};
use crate::memory;
use crate::simd::simd_body;

/// Longest side of the analyzed picture; 1080p becomes 320x180, small enough to search at a thousand frames a second.
const PICTURE_SIDE: usize = 320;
/// How many times smaller again the outline is that cuts are looked for in.
const SMALL_FACTOR: usize = 4;

/// A frame made small, at 8 bits.
///
/// Shapes: longest side at most 320. Units: 0 to 255 of the source's own range; RGB becomes (R + 2 G + B) / 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Luma, averaged over square cells.
    pub luma: Plane<u8>,
    /// The same picture, smaller still and with color.
    pub coarse: Coarse,
}

/// The outline of a frame: four times smaller than its thumbnail.
///
/// Shapes: longest side of each plane at most 80.
/// Units: as the thumbnail; RGB becomes 128 + (B - luma) / 2 and 128 + (R - luma) / 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coarse {
    /// Luma.
    pub luma: Plane<u8>,
    /// Blue and red difference.
    pub chroma: [Plane<u8>; 2],
    /// Equal for frames whose cells sum to the same values: in practice, for repeated frames.
    pub fingerprint: u64,
}

impl Thumbnail {
    /// Makes a frame small.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn new(frame: &Frame) -> Result<Self> {
        let shift = u32::from(frame.format().depth.bits()) - 8;
        let mut fingerprint = FNV_OFFSET;
        let [first, second, third] = match frame.planes() {
            Planes::U8([a, b, c]) => {
                let mut small = |plane| average(plane, shift, row_sum_u8, &mut fingerprint);
                [small(a)?, small(b)?, small(c)?]
            }
            Planes::U16([a, b, c]) => {
                let mut small = |plane| average(plane, shift, row_sum_u16, &mut fingerprint);
                [small(a)?, small(b)?, small(c)?]
            }
        };
        let (luma, chroma) = match frame.format().layout {
            Layout::Rgb => luma_from_rgb(&first, &second, &third)?,
            Layout::Yuv420 | Layout::Yuv422 | Layout::Yuv444 => (first, [second, third]),
        };
        let mut ignored = 0;
        let mut shrink = |plane| average_by(plane, SMALL_FACTOR, 0, row_sum_u8, &mut ignored);
        let [blue, red] = &chroma;
        let coarse = Coarse { luma: shrink(&luma)?, chroma: [shrink(blue)?, shrink(red)?], fingerprint };
        Ok(Self { luma, coarse })
    }
}

/// Offset basis and prime of the 64-bit FNV-1a hash.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

type RowSum<T> = fn(&mut [u16], &[T]);

fn average<T: Sample>(
    plane: &Plane<T>,
    shift: u32,
    add: RowSum<T>,
    fingerprint: &mut u64,
) -> Result<Plane<u8>> {
    let factor = plane.width().max(plane.height()).div_ceil(PICTURE_SIDE);
    average_by(plane, factor, shift, add, fingerprint)
}

/// Averages cells of `factor x factor` samples, cells at the right and lower edge being cut off by it.
fn average_by<T: Sample>(
    plane: &Plane<T>,
    factor: usize,
    shift: u32,
    add: RowSum<T>,
    fingerprint: &mut u64,
) -> Result<Plane<u8>> {
    let (width, height) = (plane.width(), plane.height());
    let mut out = Plane::try_new(width.div_ceil(factor), height.div_ceil(factor))?;
    // At most 52 rows of 10 bits (16384 / 320 cells): 53196, which fits 16 bits.
    let mut sums = memory::filled("a row of a thumbnail", width, 0_u16)?;
    for y in 0..out.height() {
        sums.fill(0);
        let rows = y * factor..height.min((y + 1) * factor);
        for row in rows.clone() {
            add(&mut sums, plane.row(row));
        }
        let hash = cell_averages(&sums, factor, rows.len() as u32, shift, out.row_mut(y));
        *fingerprint = (*fingerprint ^ hash).wrapping_mul(FNV_PRIME);
    }
    Ok(out)
}

simd_body! {
    fn row_sum_u8(sums: &mut [u16], row: &[u8]) -> () { row_sum_body(sums, row) }
}
simd_body! {
    fn row_sum_u16(sums: &mut [u16], row: &[u16]) -> () { row_sum_body(sums, row) }
}
#[inline(always)]
fn row_sum_body<T: Sample>(sums: &mut [u16], row: &[T]) {
    for (sum, &sample) in sums.iter_mut().zip(row) {
        *sum += sample.into();
    }
}

simd_body! {
    /// Sums of `factor` columns each, divided by the samples in a cell; returns a hash of the sums.
    fn cell_averages(sums: &[u16], factor: usize, rows: u32, shift: u32, out: &mut [u8]) -> u64 {
        match factor {
            1 => cells_body::<1>(sums, rows, shift, out),
            2 => cells_body::<2>(sums, rows, shift, out),
            3 => cells_body::<3>(sums, rows, shift, out),
            4 => cells_body::<4>(sums, rows, shift, out),
            6 => cells_body::<6>(sums, rows, shift, out),
            _ => any_cells_body(sums, factor, rows, shift, out),
        }
    }
}

#[inline(always)]
fn cells_body<const FACTOR: usize>(sums: &[u16], rows: u32, shift: u32, out: &mut [u8]) -> u64 {
    any_cells_body(sums, FACTOR, rows, shift, out)
}

#[inline(always)]
fn any_cells_body(sums: &[u16], factor: usize, rows: u32, shift: u32, out: &mut [u8]) -> u64 {
    let whole = (rows * factor as u32) << shift;
    // Rounded reciprocal: sums stay below 2^22, so the product's error is far below half a level.
    let reciprocal = ((1_u64 << 32) + u64::from(whole) / 2) / u64::from(whole);
    let mut hash = 0_u64;
    let full = sums.len() / factor;
    for (cell, out) in sums.chunks_exact(factor).zip(out.iter_mut()) {
        let sum: u32 = cell.iter().map(|&s| u32::from(s)).sum();
        hash = (hash ^ u64::from(sum)).wrapping_mul(FNV_PRIME);
        *out = ((u64::from(sum) * reciprocal + (1 << 31)) >> 32).min(255) as u8;
    }
    let rest = &sums[full * factor..];
    if let (false, Some(out)) = (rest.is_empty(), out.get_mut(full)) {
        let sum: u32 = rest.iter().map(|&s| u32::from(s)).sum();
        let area = (rows * rest.len() as u32) << shift;
        hash = (hash ^ u64::from(sum)).wrapping_mul(FNV_PRIME);
        *out = ((sum + area / 2) / area).min(255) as u8;
    }
    hash
}

fn luma_from_rgb(
    red: &Plane<u8>,
    green: &Plane<u8>,
    blue: &Plane<u8>,
) -> Result<(Plane<u8>, [Plane<u8>; 2])> {
    let (width, height) = (red.width(), red.height());
    let luma = (red.samples().iter().zip(green.samples()).zip(blue.samples()))
        .map(|((&r, &g), &b)| ((u16::from(r) + 2 * u16::from(g) + u16::from(b) + 2) / 4) as u8);
    let luma: Vec<u8> = memory::collected("a thumbnail", luma)?;
    let difference = |color: &Plane<u8>| {
        let samples = color.samples().iter().zip(&luma);
        let samples = samples.map(|(&c, &y)| (128 + (i16::from(c) - i16::from(y)) / 2) as u8);
        Plane::from_samples(width, height, memory::collected("a thumbnail", samples)?)
    };
    let chroma = [difference(blue)?, difference(red)?];
    Ok((Plane::from_samples(width, height, luma)?, chroma))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{BitDepth, Color, PixelFormat};
    use crate::simd::InstructionSet;

    fn noise_frame(width: usize, height: usize, format: PixelFormat) -> Frame {
        let mut frame = Frame::new(width, height, format, Color::default()).unwrap();
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16 & format.depth.max_value()
        };
        match frame.planes_mut() {
            Planes::U8(p) => p.iter_mut().for_each(|p| p.samples_mut().fill_with(|| next() as u8)),
            Planes::U16(p) => p.iter_mut().for_each(|p| p.samples_mut().fill_with(&mut next)),
        }
        frame
    }

    /// The obvious average of one cell of the first plane.
    fn slow_average(frame: &Frame, factor: usize, x: usize, y: usize) -> u8 {
        let (width, height) = (frame.width(), frame.height());
        let (mut sum, mut count) = (0_u64, 0);
        for row in y * factor..height.min((y + 1) * factor) {
            for column in x * factor..width.min((x + 1) * factor) {
                sum += match frame.planes() {
                    Planes::U8(p) => u64::from(p[0].row(row)[column]),
                    Planes::U16(p) => u64::from(p[0].row(row)[column]),
                };
                count += 1;
            }
        }
        let scale = count << (frame.format().depth.bits() - 8);
        ((sum + scale / 2) / scale).min(255) as u8
    }

    #[test]
    fn every_cell_is_the_rounded_mean_of_its_samples() {
        for (width, height) in [(1, 1), (7, 3), (640, 17), (1283, 723), (1920, 31)] {
            for depth in [BitDepth::Eight, BitDepth::Ten] {
                let frame = noise_frame(width, height, PixelFormat { layout: Layout::Yuv420, depth });
                let luma = Thumbnail::new(&frame).unwrap().luma;
                let factor = width.max(height).div_ceil(PICTURE_SIDE);
                for y in 0..luma.height() {
                    for x in 0..luma.width() {
                        let expected = slow_average(&frame, factor, x, y);
                        assert!(luma.row(y)[x].abs_diff(expected) <= 1, "{width}x{height} at {x},{y}");
                    }
                }
            }
        }
    }

    #[test]
    fn thumbnail_does_not_depend_on_instruction_set() {
        for format in PixelFormat::ALL {
            let frame = noise_frame(333, 201, format);
            let mut all = InstructionSet::available().into_iter().map(|set| {
                assert!(set.force());
                Thumbnail::new(&frame).unwrap()
            });
            let first = all.next().unwrap();
            assert!(all.all(|other| other == first), "{format}");
        }
    }

    #[test]
    fn fingerprints_tell_a_repeat_from_a_changed_sample() {
        let frame = noise_frame(400, 300, PixelFormat::YUV420_8);
        let mut changed = frame.clone();
        if let Planes::U8(planes) = changed.planes_mut() {
            planes[0].samples_mut()[5000] ^= 1;
        }
        let fingerprint = |f: &Frame| Thumbnail::new(f).unwrap().coarse.fingerprint;
        assert_eq!(fingerprint(&frame), fingerprint(&frame.clone()));
        assert_ne!(fingerprint(&frame), fingerprint(&changed));
    }
}
