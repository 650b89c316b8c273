//! Between RGB and YUV, chroma layouts and bit depths.
//!
//! Integer fixed point throughout: the same bytes on every machine and instruction set, within 0.57 of a code value
//! of the real-valued result (0.5 is the final rounding).

mod chroma;
mod gpu;
mod gpu_shape;
mod interleaved;
mod matrix;
mod neutral;
mod on_device;
mod plan;
#[cfg(test)]
mod reference;
mod resolve;
mod rows;
mod units;

pub use gpu::{Samples, Size};
pub use gpu_shape::{ConvertAffine, ConvertDown, ConvertSum, ConvertToRgb, ConvertUp};
pub use interleaved::{from_rgb8_interleaved, from_rgb10_interleaved, rgb8_interleaved, rgb10_interleaved};

pub(crate) use neutral::with_neutral_chroma;

use self::chroma::{Downsampler, Upsampler, subsampling};
use self::matrix::{Affine, Quantization, ToRgb, ToYuv};
use self::plan::{Plan, plan};
use self::rows::Row;
use self::units::up_unit;
use super::{ChromaLocation, Color, Frame, Layout, PixelFormat, Plane};
use crate::error::Result;
use crate::with_planes;

/// The same picture in another format.
///
/// `yuv` says what the samples of the YUV side mean; [`Color::resolve_for_conversion`] fills in what a source leaves
/// open. For a YUV frame it may add to what [`Frame::color`] says but not contradict it. Between RGB
/// and YUV the matrix must be given; an unspecified range of YUV counts as limited, an unspecified chroma
/// location as left. RGB is full range. The result's color names the matrix, range and location in use,
/// and keeps the primaries and transfer: nothing here touches either.
///
/// - RGB and YUV: the matrices of BT.601, BT.709, BT.2020 (non-constant luminance), FCC and SMPTE 240M, either range.
/// - Chroma: the cubic filter with B = 0, C = 0.6 (FFmpeg's default bicubic), stretched by two for halving,
///   at the chroma location; edges repeat. A picture of odd size converts as if padded to even size.
/// - Bit depth: limited range is multiplied by 4, or divided with `(x + 2) >> 2`, saturating; full range is
///   multiplied by 1023/255 or its inverse and rounded, so that white stays white.
///
/// Against FFmpeg 5.1 (`accurate_rnd+full_chroma_int+full_chroma_inp+bicubic`, chroma positions given) 8-bit results differ by
/// at most one in gamut, except in rows and columns 0 and 2 of upsampled chroma, which FFmpeg gets wrong; the oracle
/// test lists where else it is off. Without given positions FFmpeg 5.1 takes the center.
///
/// # Errors
///
/// `InvalidArgument` for an unspecified matrix or a contradiction, `Unsupported` for other matrices and for RGB
/// of limited range, `OutOfMemory`.
pub fn convert(frame: &Frame, to: PixelFormat, yuv: Color) -> Result<Frame> {
    let mut out = match plan(frame.format(), frame.color(), to, yuv)? {
        Plan::Same => return frame.try_clone(),
        Plan::Depth(by, color) => rgb_to_rgb(frame, to, by, color)?,
        Plan::ToYuv(by, color) => rgb_to_yuv(frame, to, &by, color)?,
        Plan::ToRgb(by, color) => yuv_to_rgb(frame, to, by, color)?,
        Plan::Layout(color, kept) => yuv_to_yuv(frame, to, color, kept)?,
    };
    out.timestamp = frame.timestamp;
    Ok(out)
}

fn rgb_to_rgb(frame: &Frame, to: PixelFormat, by: Affine, color: Color) -> Result<Frame> {
    let mut out = Frame::new(frame.width(), frame.height(), to, color)?;
    with_planes!(frame.planes(), from => with_planes!(out.planes_mut(), to => {
        for (from, to) in from.iter().zip(to) {
            map_plane(from, by, to);
        }
    }));
    Ok(out)
}

/// Every sample through one affine map.
fn map_plane<S: Row, D: Row>(from: &Plane<S>, by: Affine, to: &mut Plane<D>) {
    let mut row = vec![0; from.width()];
    for y in 0..from.height() {
        S::widen(from.row(y), &mut row);
        rows::affine(&mut row, by);
        D::narrow(&row, to.row_mut(y));
    }
}

fn yuv_to_rgb(frame: &Frame, to: PixelFormat, by: ToRgb, color: Color) -> Result<Frame> {
    let mut out = Frame::new(frame.width(), frame.height(), to, color.as_rgb())?;
    let format = frame.format();
    with_planes!(frame.planes(), from => with_planes!(out.planes_mut(), to => {
        planes_to_rgb(from, format, color.chroma_location, by, to);
    }));
    Ok(out)
}

fn planes_to_rgb<S: Row, D: Row>(
    from: &[Plane<S>; 3],
    format: PixelFormat,
    location: ChromaLocation,
    by: ToRgb,
    to: &mut [Plane<D>; 3],
) {
    let (width, chroma_width) = (from[0].width(), from[1].width());
    let mut upsampler = Upsampler::new(format.layout, Layout::Yuv444, location, format.depth, chroma_width);
    let mut y = vec![0; width];
    let [mut u, mut v] = [vec![0; 2 * chroma_width], vec![0; 2 * chroma_width]];
    for row in 0..from[0].height() {
        S::widen(from[0].row(row), &mut y);
        upsampler.row(&from[1], row, &mut u);
        upsampler.row(&from[2], row, &mut v);
        rows::to_rgb(&mut y, &mut u[..width], &mut v[..width], by);
        for (plane, samples) in to.iter_mut().zip([&y, &u, &v]) {
            D::narrow(&samples[..width], plane.row_mut(row));
        }
    }
}

fn rgb_to_yuv(frame: &Frame, to: PixelFormat, by: &ToYuv, color: Color) -> Result<Frame> {
    let mut out = Frame::new(frame.width(), frame.height(), to, color)?;
    with_planes!(frame.planes(), from => with_planes!(out.planes_mut(), planes => {
        planes_to_yuv(from, to, color.chroma_location, by, planes);
    }));
    Ok(out)
}

fn planes_to_yuv<S: Row, D: Row>(
    from: &[Plane<S>; 3],
    format: PixelFormat,
    location: ChromaLocation,
    by: &ToYuv,
    to: &mut [Plane<D>; 3],
) {
    let (width, height) = (from[0].width(), from[0].height());
    let mut rgb: [Vec<i32>; 3] = std::array::from_fn(|_| vec![0; width]);
    let mut sum = vec![0; width];
    let [luma, chroma @ ..] = to;
    let mut halved = [0, 1].map(|_| Downsampler::new(Layout::Rgb, format, location, width, height));
    for y in 0..height {
        for (row, plane) in rgb.iter_mut().zip(from) {
            S::widen(plane.row(y), row);
        }
        let rgb = rgb.each_ref().map(Vec::as_slice);
        rows::weighted_sum(rgb, by.y, &mut sum);
        D::narrow(&sum, luma.row_mut(y));
        for (i, plane) in chroma.iter_mut().enumerate() {
            if format.layout == Layout::Yuv444 {
                rows::weighted_sum(rgb, by.chroma[i], &mut sum);
                D::narrow(&sum, plane.row_mut(y));
            } else {
                halved[i].push(|row| rows::weighted_sum(rgb, by.unfiltered[i], row), plane);
            }
        }
    }
}

fn yuv_to_yuv(frame: &Frame, to: PixelFormat, color: Color, kept: Color) -> Result<Frame> {
    let from = frame.format();
    let mut out = Frame::new(frame.width(), frame.height(), to, kept)?;
    with_planes!(frame.planes(), source => with_planes!(out.planes_mut(), target => {
        planes_to_layout(source, from, to, color, target);
    }));
    Ok(out)
}

fn planes_to_layout<S: Row, D: Row>(
    source: &[Plane<S>; 3],
    from: PixelFormat,
    to: PixelFormat,
    color: Color,
    target: &mut [Plane<D>; 3],
) {
    let [a, b] = [from, to].map(|format| Quantization::new(color.range, format.depth));
    let luma = Affine::new(f64::from(b.luma) / f64::from(a.luma), 1, a.black, b.black, to.depth);
    map_plane(&source[0], luma, &mut target[0]);
    let gain = f64::from(b.chroma) / f64::from(a.chroma);
    let (before, after) = (subsampling(from.layout), subsampling(to.layout));
    for (source, target) in source[1..].iter().zip(&mut target[1..]) {
        if before == after {
            map_plane(source, Affine::new(gain, 1, a.neutral, b.neutral, to.depth), target);
        } else if before > after {
            let by = Affine::new(gain, up_unit(from.depth), 0, b.neutral, to.depth);
            raise_plane(source, (from, to), color.chroma_location, by, target);
        } else {
            lower_plane(source, (from, to), color.chroma_location, gain, target);
        }
    }
}

/// A chroma plane at a higher resolution.
fn raise_plane<S: Row, D: Row>(
    source: &Plane<S>,
    (from, to): (PixelFormat, PixelFormat),
    location: ChromaLocation,
    by: Affine,
    target: &mut Plane<D>,
) {
    let mut upsampler = Upsampler::new(from.layout, to.layout, location, from.depth, source.width());
    let mut row = vec![0; 2 * source.width()];
    let width = target.width();
    for y in 0..target.height() {
        upsampler.row(source, y, &mut row);
        rows::affine(&mut row[..width], by);
        D::narrow(&row[..width], target.row_mut(y));
    }
}

/// A chroma plane at a lower resolution.
fn lower_plane<S: Row, D: Row>(
    source: &Plane<S>,
    (from, to): (PixelFormat, PixelFormat),
    location: ChromaLocation,
    gain: f64,
    target: &mut Plane<D>,
) {
    let by = Affine::to_halve(gain, from.depth, to.depth);
    let mut halved = Downsampler::new(from.layout, to, location, source.width(), source.height());
    for y in 0..source.height() {
        let fill = |row: &mut [i32]| {
            S::widen(source.row(y), row);
            rows::affine(row, by);
        };
        halved.push(fill, target);
    }
}

#[cfg(test)]
mod tests;
