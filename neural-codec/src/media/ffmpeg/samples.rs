//! Samples from the memory layout of any FFmpeg pixel format to the library's planes.
//!
//! Samples are moved, never computed with, except where a depth has no equal here (see [`fit_depth`](super::sample_layout::fit_depth)). So no
//! range or matrix can change on the way, which a general scaler does not promise.

use ffmpeg_next::frame;

use super::native;
use super::sample_layout::{Component, SampleLayout};
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Color, Frame, PixelFormat, Plane, Planes, Sample};

/// Copies the picture out of `source`, whose format `layout` describes and whose [`target`](SampleLayout::target)
/// is `format`.
///
/// # Errors
///
/// `Corrupt` where the frame lacks rows, or holds samples beyond its bit depth.
pub(super) fn read(
    source: &frame::Video,
    layout: &SampleLayout,
    format: PixelFormat,
    color: Color,
) -> Result<Frame> {
    let (width, height, _) = native::shape(source);
    crate::frame::check_size(width, height)?;
    let read = PlaneReader { source, layout, format, width, height };
    let planes = match (layout.has_palette, format.depth) {
        (true, _) => {
            let palette = native::palette(source).ok_or_else(incomplete)?;
            // Entries are 0xAARRGGBB.
            Planes::U8(three(|plane| {
                read.plane(plane, |at, _| (palette[usize::from(at & 255)] >> (16 - 8 * plane)) as u8)
            })?)
        }
        (false, BitDepth::Eight) => Planes::U8(three(|plane| match layout.is_plain(plane, 8) {
            true => read.plane(plane, |word, _| word as u8),
            false => read.plane(plane, |word, component| component.value(word, 8) as u8),
        })?),
        (false, BitDepth::Ten) => Planes::U16(three(|plane| match layout.is_plain(plane, 10) {
            true => read.plane(plane, |word, _| word),
            false => read.plane(plane, |word, component| component.value(word, 10)),
        })?),
    };
    Frame::from_planes(planes, format, color)
        .map_err(|error| Error::corrupt("frame", "samples within the bit depth", error, Place::default()))
}

/// Whether nothing shows through a picture. One whose alpha is no byte of a pixel is not looked at, and counts as transparent.
pub(super) fn is_opaque(source: &frame::Video, layout: &SampleLayout) -> bool {
    let Some(alpha) = layout.alpha_byte() else { return !layout.has_alpha };
    let (width, height, _) = native::shape(source);
    let mut rows = (0..height).map(|y| native::row(source, 0, y, height, 4 * width));
    rows.all(|row| row.is_some_and(|row| row.chunks_exact(4).all(|pixel| pixel[alpha] == 255)))
}

fn three<T>(mut make: impl FnMut(usize) -> Result<T>) -> Result<[T; 3]> {
    Ok([make(0)?, make(1)?, make(2)?])
}

fn incomplete() -> Error {
    Error::corrupt("frame", "three planes of rows", "fewer", Place::default())
}

/// Reads planes of one frame.
struct PlaneReader<'a> {
    source: &'a frame::Video,
    layout: &'a SampleLayout,
    format: PixelFormat,
    width: usize,
    height: usize,
}

impl PlaneReader<'_> {
    /// One plane of the target; `fit` makes a sample of the byte or word that holds it.
    fn plane<T: Sample>(&self, plane: usize, fit: impl Fn(u16, &Component) -> T) -> Result<Plane<T>> {
        let Self { source, layout, format, width, height } = *self;
        let (target_width, target_height) =
            if plane == 0 { (width, height) } else { format.chroma_size(width, height) };
        let index = if layout.has_palette { 0 } else { plane };
        let Some(component) = layout.components.get(index) else {
            let neutral = T::saturating_from(1 << (format.depth.bits() - 1));
            return Plane::from_samples(
                target_width,
                target_height,
                vec![neutral; target_width * target_height],
            );
        };
        if let Some(black) = layout.black_bit {
            return self.bits(black);
        }
        let [shift, repeat] = layout.shift_and_repeat(plane, format.layout);
        let source_height = height.div_ceil(1 << shift.1);
        // In big-endian words the low byte is the second.
        let offset = component.offset + usize::from(component.is_byte() && layout.is_big_endian);
        let width_in_bytes =
            (width.div_ceil(1 << shift.0) - 1) * component.step + if component.is_byte() { 1 } else { 2 };
        let mut samples = Vec::with_capacity(target_width * target_height);
        for y in 0..target_height {
            let row =
                native::row(source, component.plane, y >> repeat.1, source_height, offset + width_in_bytes)
                    .ok_or_else(incomplete)?;
            let row = &row[offset..];
            match (component.is_byte(), component.step) {
                (true, 1) if repeat.0 == 0 => {
                    samples.extend(row.iter().map(|&byte| fit(byte.into(), component)))
                }
                (true, step) if repeat.0 == 0 => {
                    samples.extend(row.iter().step_by(step).map(|&byte| fit(byte.into(), component)));
                }
                (false, 2) if repeat.0 == 0 && !layout.is_big_endian => {
                    let words = row.as_chunks().0.iter().map(|&word| u16::from_le_bytes(word));
                    samples.extend(words.map(|word| fit(word, component)));
                }
                (is_byte, step) => samples.extend((0..target_width).map(|x| {
                    let at = (x >> repeat.0) * step;
                    let word = match (is_byte, layout.is_big_endian) {
                        (true, _) => row[at].into(),
                        (false, false) => u16::from_le_bytes([row[at], row[at + 1]]),
                        (false, true) => u16::from_be_bytes([row[at], row[at + 1]]),
                    };
                    fit(word, component)
                })),
            }
        }
        Plane::from_samples(target_width, target_height, samples)
    }

    /// A plane whose samples are bits, `black` for 0 and the other for the most there is.
    fn bits<T: Sample>(&self, black: u8) -> Result<Plane<T>> {
        let Self { source, width, height, .. } = *self;
        let mut samples = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = native::row(source, 0, y, height, width.div_ceil(8)).ok_or_else(incomplete)?;
            let bit = |x: usize| (row[x / 8] >> (7 - x % 8)) & 1;
            samples.extend((0..width).map(|x| T::saturating_from(if bit(x) == black { 0 } else { 255 })));
        }
        Plane::from_samples(width, height, samples)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample_layout::fit_depth;
    use super::*;

    #[test]
    fn fitting_a_depth_rounds_and_keeps_the_ends() {
        assert_eq!([0, 1, 2, 5, 4093, 4095].map(|v| fit_depth(v, 12, 10)), [0, 0, 1, 1, 1023, 1023]);
        assert_eq!([0, 31, 63, 65_503, 65_535].map(|v| fit_depth(v, 16, 10)), [0, 0, 1, 1023, 1023]);
        assert_eq!([0, 15, 31].map(|v| fit_depth(v, 5, 8)), [0, 123, 255]);
        assert_eq!(fit_depth(511, 9, 10), 1022);
    }

    #[test]
    fn samples_in_the_high_bits_of_their_words_are_shifted_down() {
        use ffmpeg_next::format::Pixel;
        let mut source = frame::Video::new(Pixel::P010LE, 4, 2);
        for plane in 0..2 {
            let stride = source.stride(plane);
            for (y, row) in source.data_mut(plane).chunks_mut(stride).enumerate() {
                for (x, word) in row.as_chunks_mut().0.iter_mut().enumerate() {
                    *word = (((100 * plane + 10 * y + x) as u16) << 6).to_le_bytes();
                }
            }
        }
        let layout = native::sample_layout(native::shape(&source).2).unwrap();
        let frame = read(&source, &layout, layout.target().unwrap(), Color::default()).unwrap();
        assert_eq!(frame.format(), PixelFormat::YUV420_10);
        let Planes::U16(planes) = frame.planes() else { panic!() };
        assert_eq!(planes[0].samples(), [0, 1, 2, 3, 10, 11, 12, 13]);
        assert_eq!((planes[1].samples(), planes[2].samples()), (&[100, 102][..], &[101, 103][..]));
    }

    #[test]
    fn samples_beyond_their_depth_are_damage() {
        use ffmpeg_next::format::Pixel;
        let mut source = frame::Video::new(Pixel::YUV420P10LE, 2, 2);
        (0..3).for_each(|plane| source.data_mut(plane).fill(0));
        source.data_mut(0)[1] = 4;
        let layout = native::sample_layout(native::shape(&source).2).unwrap();
        assert!(matches!(
            read(&source, &layout, PixelFormat::YUV420_10, Color::default()),
            Err(Error::Corrupt { .. })
        ));
    }
}
