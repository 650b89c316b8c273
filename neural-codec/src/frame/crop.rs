//! Pad, crop and rotate pictures.

use super::{Color, Frame, Layout, PixelFormat, Plane, Sample, convert};
use crate::error::{Error, Result};

/// The picture enlarged to the right and below by repeating its last column and row.
///
/// # Errors
///
/// `InvalidArgument` when it would shrink, `LimitExceeded` past [`MAX_SIDE`](super::MAX_SIDE).
pub fn pad(frame: &Frame, width: usize, height: usize) -> Result<Frame> {
    if width < frame.width() || height < frame.height() {
        return Err(wrong_size("at least", frame, width, height));
    }
    resized(frame, width, height)
}

/// The top left part of the picture.
///
/// ```
/// # use neural_codec::frame::{Color, Frame, PixelFormat, crop, pad};
/// let frame = Frame::new(50, 30, PixelFormat::YUV420_8, Color::default())?;
/// let padded = pad(&frame, 64, 32)?;
/// assert_eq!(crop(&padded, 50, 30)?, frame);
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidArgument` when it would grow or a side is 0.
pub fn crop(frame: &Frame, width: usize, height: usize) -> Result<Frame> {
    if width > frame.width() || height > frame.height() {
        return Err(wrong_size("at most", frame, width, height));
    }
    resized(frame, width, height)
}

/// The part of the picture that begins `left` columns from its left and `top` rows from its top.
///
/// ```
/// # use neural_codec::frame::{Color, Frame, PixelFormat, crop_at};
/// let frame = Frame::new(50, 30, PixelFormat::YUV420_8, Color::default())?;
/// let middle = crop_at(&frame, (10, 6), (30, 17))?;
/// assert_eq!((middle.width(), middle.height()), (30, 17));
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidArgument` where it passes the picture, a side is 0, or it begins between two samples of chroma.
pub fn crop_at(frame: &Frame, (left, top): (usize, usize), (width, height): (usize, usize)) -> Result<Frame> {
    let (across, down) = frame.format().chroma_size(2, 2);
    if left % (2 / across) != 0 || top % (2 / down) != 0 {
        let expected = format!("multiples of {} and {}", 2 / across, 2 / down);
        return Err(Error::invalid("place", expected, format!("{left},{top}")));
    }
    let ends = (left.saturating_add(width), top.saturating_add(height));
    if ends.0 > frame.width() || ends.1 > frame.height() {
        return Err(wrong_size("at most", frame, ends.0, ends.1));
    }
    let mut out = Frame::new(width, height, frame.format(), frame.color())?.with_timestamp(frame.timestamp);
    match (frame.planes(), out.planes_mut()) {
        (super::Planes::U8(from), super::Planes::U8(to)) => {
            crop_planes(from, to, frame.format(), (left, top))
        }
        (super::Planes::U16(from), super::Planes::U16(to)) => {
            crop_planes(from, to, frame.format(), (left, top))
        }
        _ => return Err(Error::internal("crop", "frames of one format differ in sample type")),
    }
    Ok(out)
}

fn crop_planes<T: Sample>(
    from: &[Plane<T>; 3],
    to: &mut [Plane<T>; 3],
    format: PixelFormat,
    place: (usize, usize),
) {
    let chroma = format.chroma_size(place.0, place.1);
    for ((from, to), (left, top)) in from.iter().zip(to).zip([place, chroma, chroma]) {
        let width = to.width();
        for y in 0..to.height() {
            to.row_mut(y).copy_from_slice(&from.row(top + y)[left..left + width]);
        }
    }
}

fn wrong_size(bound: &str, frame: &Frame, width: usize, height: usize) -> Error {
    let expected = format!("{bound} {}x{}", frame.width(), frame.height());
    Error::invalid("size", expected, format!("{width}x{height}"))
}

fn resized(frame: &Frame, width: usize, height: usize) -> Result<Frame> {
    let mut out = Frame::new(width, height, frame.format(), frame.color())?.with_timestamp(frame.timestamp);
    match (frame.planes(), out.planes_mut()) {
        (super::Planes::U8(from), super::Planes::U8(to)) => resize_planes(from, to),
        (super::Planes::U16(from), super::Planes::U16(to)) => resize_planes(from, to),
        _ => return Err(Error::internal("crop", "frames of one format differ in sample type")),
    }
    Ok(out)
}

fn resize_planes<T: Sample>(from: &[Plane<T>; 3], to: &mut [Plane<T>; 3]) {
    for (from, to) in from.iter().zip(to) {
        let n = from.width().min(to.width());
        for y in 0..to.height() {
            let source = from.row(y.min(from.height() - 1));
            let row = to.row_mut(y);
            row[..n].copy_from_slice(&source[..n]);
            row[n..].fill(source[n - 1]);
        }
    }
}

/// The picture turned clockwise by `quarter_turns` times 90 degrees, modulo 4.
///
/// Samples are moved, not resampled, so four turns are the identity; chroma that is not centerd, or that covers the
/// rest of an odd side, is then half a luma sample away from where the color says. Only 4:2:2 by an odd number of turns
/// is resampled, through 4:4:4 (see [`convert`]).
///
/// ```
/// # use neural_codec::frame::{Color, Frame, PixelFormat, rotate};
/// let frame = Frame::new(50, 30, PixelFormat::YUV420_8, Color::default())?;
/// let turned = rotate(&frame, 1)?;
/// assert_eq!((turned.width(), turned.height()), (30, 50));
/// # Ok::<(), neural_codec::Error>(())
/// ```
pub fn rotate(frame: &Frame, quarter_turns: u8) -> Result<Frame> {
    let turns = quarter_turns % 4;
    if turns == 0 {
        return frame.try_clone();
    }
    let format = frame.format();
    if format.layout == Layout::Yuv422 && turns % 2 == 1 {
        let wide = PixelFormat { layout: Layout::Yuv444, depth: format.depth };
        let turned = rotate(&convert(frame, wide, Color::default())?, turns)?.with_color(frame.color());
        return Ok(convert(&turned, format, frame.color())?.with_color(frame.color()));
    }
    let planes = match frame.planes() {
        super::Planes::U8([a, b, c]) => {
            super::Planes::U8([rotated(a, turns)?, rotated(b, turns)?, rotated(c, turns)?])
        }
        super::Planes::U16([a, b, c]) => {
            super::Planes::U16([rotated(a, turns)?, rotated(b, turns)?, rotated(c, turns)?])
        }
    };
    Ok(Frame::from_planes(planes, format, frame.color())?.with_timestamp(frame.timestamp))
}

fn rotated<T: Sample>(plane: &Plane<T>, turns: u8) -> Result<Plane<T>> {
    let (w, h) = (plane.width(), plane.height());
    if turns == 2 {
        let mut out = plane.try_clone()?;
        out.samples_mut().reverse();
        return Ok(out);
    }
    let mut out = Plane::try_new(h, w)?;
    let target = out.samples_mut();
    // By tiles, so that the columns written stay in the cache.
    const TILE: usize = 32;
    for (top, left) in (0..h).step_by(TILE).flat_map(|y| (0..w).step_by(TILE).map(move |x| (y, x))) {
        for y in top..h.min(top + TILE) {
            let row = &plane.row(y)[left..w.min(left + TILE)];
            // A row becomes a column: the top row the right one at one turn, the left one at three.
            for (x, &sample) in (left..).zip(row) {
                let at = if turns == 1 { x * h + (h - 1 - y) } else { (w - 1 - x) * h + y };
                target[at] = sample;
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Planes;
    use crate::with_planes;

    fn numbered(w: usize, h: usize, format: PixelFormat) -> Frame {
        let mut frame = Frame::new(w, h, format, Color::default()).unwrap().with_timestamp(5);
        let mut value = 0_u16;
        with_planes!(frame.planes_mut(), p => for sample in p.iter_mut().flat_map(|p| p.samples_mut()) {
            *sample = value as _;
            value = (value + 1) % 256;
        });
        frame
    }

    #[test]
    fn padding_then_cropping_is_identity() {
        for format in PixelFormat::ALL {
            for (w, h) in [(1, 1), (5, 3), (6, 4)] {
                let frame = numbered(w, h, format);
                let padded = pad(&frame, 17, 16).unwrap();
                assert_eq!(crop(&padded, w, h).unwrap(), frame);
            }
        }
    }

    #[test]
    fn padding_repeats_the_edge() {
        let frame = numbered(2, 2, PixelFormat::RGB_8);
        let Planes::U8(planes) = pad(&frame, 4, 3).unwrap().planes().clone() else { panic!("8 bits") };
        assert_eq!(planes[0].samples(), [0, 1, 1, 1, 2, 3, 3, 3, 2, 3, 3, 3]);
    }

    #[test]
    fn sizes_on_the_wrong_side_are_errors() {
        let frame = numbered(4, 4, PixelFormat::YUV420_8);
        assert!(pad(&frame, 3, 8).is_err());
        assert!(pad(&frame, 16385, 8).is_err());
        assert!(crop(&frame, 5, 4).is_err());
        assert!(crop(&frame, 0, 4).is_err());
    }

    #[test]
    fn four_quarter_turns_are_identity() {
        for format in PixelFormat::ALL.into_iter().filter(|f| f.layout != Layout::Yuv422) {
            let frame = numbered(75, 33, format);
            let mut turned = frame.clone();
            for turns in 1..4 {
                turned = rotate(&turned, 1).unwrap();
                assert_eq!(turned, rotate(&frame, turns).unwrap(), "{format} {turns}");
            }
            assert_eq!(rotate(&turned, 1).unwrap(), frame);
        }
    }

    #[test]
    fn a_turn_is_clockwise() {
        let Planes::U8(planes) = rotate(&numbered(3, 2, PixelFormat::RGB_8), 1).unwrap().planes().clone()
        else {
            panic!("8 bits")
        };
        assert_eq!((planes[0].width(), planes[0].height()), (2, 3));
        assert_eq!(planes[0].samples(), [3, 0, 4, 1, 5, 2]);
    }

    #[test]
    fn turning_422_keeps_its_luma_format_and_flat_chroma() {
        for format in PixelFormat::ALL.into_iter().filter(|f| f.layout == Layout::Yuv422) {
            let mut frame = numbered(6, 4, format);
            with_planes!(frame.planes_mut(), p => { p[1].samples_mut().fill(90); p[2].samples_mut().fill(200) });
            let turned = rotate(&frame, 1).unwrap();
            assert_eq!((turned.width(), turned.height(), turned.format()), (4, 6, format));
            assert_eq!(rotate(&turned, 3).unwrap(), frame);
            assert_eq!(rotate(&rotate(&frame, 2).unwrap(), 2).unwrap(), frame);
        }
    }
}
