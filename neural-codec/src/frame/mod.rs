//! Pictures and their description: the only thing that flows between the steps.

mod any;
mod color;
mod convert;
mod crop;
mod depth;
mod format;
mod gpu_frame;
mod hash;
mod own_colors;
mod plane;
mod rate;
mod raw;
mod rgb;
mod spare;

pub use any::AnyFrame;
pub use color::{ChromaLocation, Color, ColorRange};
pub(crate) use convert::with_neutral_chroma;
pub use convert::{
    ConvertAffine, ConvertDown, ConvertSum, ConvertToRgb, ConvertUp, Samples, Size, convert,
    from_rgb8_interleaved, from_rgb10_interleaved, rgb8_interleaved, rgb10_interleaved,
};
pub use crop::{crop, crop_at, pad, rotate};
pub use format::{BitDepth, Layout, PixelFormat};
pub use gpu_frame::GpuFrame;
pub use hash::FrameHash;
pub use own_colors::{ColorAxes, OwnColors};
pub use plane::{Plane, Sample};
pub use rate::{Rational, VideoInfo};
pub(crate) use rgb::rgb_of_samples;
pub(crate) use spare::KeepsSpares;

use crate::error::{Error, Place, Result};

/// The widest and tallest picture the library handles, in pixels (16384, as libavif's default).
pub const MAX_SIDE: usize = 16384;

/// The three planes of a picture: Y, U, V or R, G, B, at 8 or more bits a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planes {
    /// 8-bit samples.
    U8([Plane<u8>; 3]),
    /// Samples of more than 8 bits, in the low bits.
    U16([Plane<u16>; 3]),
}

/// Runs one expression on the planes of a frame, whatever their sample type.
#[macro_export]
macro_rules! with_planes {
    ($planes:expr, $name:ident => $body:expr) => {
        match $planes {
            $crate::frame::Planes::U8($name) => $body,
            $crate::frame::Planes::U16($name) => $body,
        }
    };
}

/// One picture.
///
/// Shapes: plane 0 is `height x width`; planes 1 and 2 are [`PixelFormat::chroma_size`].
/// Units: sample values 0 to `format.depth.max_value()`; `timestamp` in the clip's `time_base`.
///
/// ```
/// use neural_codec::frame::{Color, Frame, PixelFormat, Plane, Planes};
///
/// let planes = [(6, 4), (3, 2), (3, 2)].map(|(width, height)| Plane::new(width, height));
/// let mut frame = Frame::from_planes(Planes::U8(planes), PixelFormat::YUV420_8, Color::default())?;
/// if let Planes::U8([luma, ..]) = frame.planes_mut() {
///     luma.row_mut(3)[5] = 255; // the last sample
/// }
/// assert_eq!((frame.width(), frame.height(), frame.byte_len()), (6, 4, 36));
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    format: PixelFormat,
    color: Color,
    planes: Planes,
    /// Presentation time in units of [`VideoInfo::time_base`].
    pub timestamp: i64,
}

impl Frame {
    /// A frame whose samples are all 0.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a side of 0, `LimitExceeded` past [`MAX_SIDE`], `OutOfMemory`.
    pub fn new(width: usize, height: usize, format: PixelFormat, color: Color) -> Result<Self> {
        Self::made((width, height), format, color, Plane::try_new, Plane::try_new)
    }

    /// A frame whose samples are those of any frame before: for whoever sets them all.
    ///
    /// # Errors
    ///
    /// As of [`new`](Self::new).
    pub(crate) fn to_fill(width: usize, height: usize, format: PixelFormat, color: Color) -> Result<Self> {
        Self::made((width, height), format, color, spare::plane, spare::plane)
    }

    /// A frame of planes that are made by width and height.
    fn made(
        (width, height): (usize, usize),
        format: PixelFormat,
        color: Color,
        of_8_bits: fn(usize, usize) -> Result<Plane<u8>>,
        of_16_bits: fn(usize, usize) -> Result<Plane<u16>>,
    ) -> Result<Self> {
        check_size(width, height)?;
        let (cw, ch) = format.chroma_size(width, height);
        let planes = if format.depth == BitDepth::Eight {
            Planes::U8([of_8_bits(width, height)?, of_8_bits(cw, ch)?, of_8_bits(cw, ch)?])
        } else {
            Planes::U16([of_16_bits(width, height)?, of_16_bits(cw, ch)?, of_16_bits(cw, ch)?])
        };
        Ok(Self { format, color, planes, timestamp: 0 })
    }

    /// A frame of given planes.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where sizes, sample type or values do not fit `format`.
    pub fn from_planes(planes: Planes, format: PixelFormat, color: Color) -> Result<Self> {
        let sizes = with_planes!(&planes, p => [size(&p[0]), size(&p[1]), size(&p[2])]);
        let (width, height) = sizes[0];
        check_size(width, height)?;
        let chroma = format.chroma_size(width, height);
        for (plane, &found) in sizes.iter().enumerate().skip(1) {
            if found != chroma {
                return Err(Error::invalid(
                    format!("plane {plane}"),
                    format!("{}x{} samples for {format} of {width}x{height}", chroma.0, chroma.1),
                    format!("{}x{}", found.0, found.1),
                ));
            }
        }
        match (&planes, format.depth) {
            (Planes::U8(_), BitDepth::Eight) | (Planes::U16(_), BitDepth::Ten) => {}
            (Planes::U8(_), _) => {
                return Err(Error::invalid("planes", "16-bit samples for 10 bits", "8-bit"));
            }
            (Planes::U16(_), _) => {
                return Err(Error::invalid("planes", "8-bit samples for 8 bits", "16-bit"));
            }
        }
        let frame = Self { format, color, planes, timestamp: 0 };
        frame.check_samples()?;
        Ok(frame)
    }

    /// That every sample is one of the bit depth.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` with the first that is not.
    pub(crate) fn check_samples(&self) -> Result<()> {
        let max = self.format.depth.max_value();
        let Planes::U16(planes) = &self.planes else { return Ok(()) };
        match planes.iter().flat_map(Plane::samples).find(|&&sample| sample > max) {
            Some(found) => Err(Error::invalid("sample", format!("at most {max}"), found)),
            None => Ok(()),
        }
    }

    /// A copy. `clone` ends the process where there is no memory for one.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn try_clone(&self) -> Result<Self> {
        let planes = match &self.planes {
            Planes::U8([a, b, c]) => Planes::U8([spare::copy(a)?, spare::copy(b)?, spare::copy(c)?]),
            Planes::U16([a, b, c]) => Planes::U16([spare::copy(a)?, spare::copy(b)?, spare::copy(c)?]),
        };
        Ok(Self { planes, ..*self })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        with_planes!(&self.planes, p => p[0].width())
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        with_planes!(&self.planes, p => p[0].height())
    }

    /// Layout and bit depth.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Range, primaries, transfer and matrix of the samples.
    pub fn color(&self) -> Color {
        self.color
    }

    /// The same samples under another description of their color.
    #[must_use]
    pub fn with_color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// The same picture at another time.
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// The samples alone.
    pub fn into_planes(mut self) -> Planes {
        let none = Planes::U8([(); 3].map(|()| Plane::new(0, 0)));
        std::mem::replace(&mut self.planes, none)
    }

    /// The samples.
    pub fn planes(&self) -> &Planes {
        &self.planes
    }

    /// The samples, to change. Values must stay within the bit depth.
    pub fn planes_mut(&mut self) -> &mut Planes {
        &mut self.planes
    }

    /// Bytes of the samples in memory.
    pub fn byte_len(&self) -> usize {
        match &self.planes {
            Planes::U8(p) => p.iter().map(|p| p.samples().len()).sum(),
            Planes::U16(p) => p.iter().map(|p| p.samples().len() * 2).sum(),
        }
    }

    /// Whether `other` has the same size and format, so that the two can be compared sample by sample.
    pub fn same_shape(&self, other: &Frame) -> bool {
        self.format == other.format && self.width() == other.width() && self.height() == other.height()
    }

    /// Whether both show the same picture, whenever they are shown.
    pub fn shows_the_same(&self, other: &Frame) -> bool {
        self.format == other.format && self.color() == other.color() && self.planes() == other.planes()
    }
}

fn size<T: Sample>(plane: &Plane<T>) -> (usize, usize) {
    (plane.width(), plane.height())
}

impl Drop for Frame {
    fn drop(&mut self) {
        match &mut self.planes {
            Planes::U8(planes) => planes.iter_mut().for_each(spare::keep),
            Planes::U16(planes) => planes.iter_mut().for_each(spare::keep),
        }
    }
}

/// Checks a picture's size against what the library handles.
pub fn check_size(width: usize, height: usize) -> Result<()> {
    for (name, side) in [("width", width), ("height", height)] {
        if side == 0 {
            return Err(Error::invalid(name, "at least 1 pixel", 0));
        }
        if side > MAX_SIDE {
            return Err(Error::LimitExceeded {
                what: name,
                limit: MAX_SIDE as u64,
                found: side as u64,
                place: Place::default(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up() {
        let frame = Frame::new(5, 3, PixelFormat::YUV420_8, Color::default()).unwrap();
        with_planes!(frame.planes(), p => assert_eq!((p[1].width(), p[1].height()), (3, 2)));
        assert_eq!(frame.byte_len(), 15 + 6 + 6);
    }

    #[test]
    fn sizes_outside_the_limits_are_errors() {
        let make = |w, h| Frame::new(w, h, PixelFormat::YUV420_8, Color::default());
        assert!(matches!(make(0, 4), Err(Error::InvalidArgument { .. })));
        assert!(matches!(make(4, 16385), Err(Error::LimitExceeded { .. })));
    }

    #[test]
    fn planes_that_do_not_fit_their_format_are_errors() {
        let planes = |c| Planes::U16([Plane::new(4, 4), Plane::new(c, c), Plane::new(c, c)]);
        assert!(Frame::from_planes(planes(2), PixelFormat::YUV420_10, Color::default()).is_ok());
        assert!(Frame::from_planes(planes(3), PixelFormat::YUV420_10, Color::default()).is_err());
        assert!(Frame::from_planes(planes(2), PixelFormat::YUV420_8, Color::default()).is_err());
        let mut bright = planes(2);
        if let Planes::U16(p) = &mut bright {
            p[1].samples_mut()[0] = 1024;
        }
        assert!(Frame::from_planes(bright, PixelFormat::YUV420_10, Color::default()).is_err());
    }
}
