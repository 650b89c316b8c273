//! A photo as an array of samples, channels side by side, and an array as a photo.

use super::{Alpha, Photo};
use crate::error::{Error, Result};
use crate::frame::{Frame, Plane, Planes, Sample, check_size, from_rgb8_interleaved, from_rgb10_interleaved};
use crate::lost::Lost;
use crate::memory;

/// Samples of one depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// 0 to 255.
    Eight(Vec<u8>),
    /// 0 to 65535.
    Sixteen(Vec<u16>),
}

/// A picture whose channels lie side by side: 1 is gray, 2 gray and opacity, 3 RGB, 4 RGB and opacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interleaved {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// 1 to 4.
    pub channels: usize,
    /// `width` x `height` x `channels` of them, row by row.
    pub samples: Samples,
}

impl Photo {
    /// A photo of samples in memory. Samples of 16 bits become 10, which `lost` says, and opacity that is whole everywhere is left out.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a number of samples that does not fit, `LimitExceeded`, `OutOfMemory`.
    pub fn from_samples(picture: &Interleaved) -> Result<Self> {
        let mut photo = match &picture.samples {
            Samples::Eight(samples) => {
                let (rgb, alpha) = split(picture, samples, |sample| sample)?;
                let alpha = alpha.map(Alpha::Eight);
                Self { alpha, ..Self::new(from_rgb8_interleaved(&rgb, picture.width, picture.height)?) }
            }
            Samples::Sixteen(samples) => {
                let (rgb, alpha) = split(picture, samples, ten_bits)?;
                let alpha = alpha.map(Alpha::Sixteen);
                let frame = from_rgb10_interleaved(&rgb, picture.width, picture.height)?;
                Self { alpha, lost: vec![lost_bits()], ..Self::new(frame) }
            }
        };
        photo.alpha = photo.alpha.filter(|alpha| !alpha.is_opaque());
        Ok(photo)
    }

    /// The samples: RGB, or RGB and opacity where there is any. Those of 10 bits are stretched to 16, so that white stays white.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn to_samples(&self) -> Result<Interleaved> {
        Interleaved::of(&self.frame, self.alpha.as_ref(), false)
    }
}

/// Samples of 16 bits, which become 10.
pub(in super::super) fn lost_bits() -> Lost {
    Lost::new("bits", "samples of 16 bits become 10 bits")
}

/// 65535 becomes 1023: white stays white.
pub(in super::super) fn ten_bits(sample: u16) -> u16 {
    ((u32::from(sample) * 1023 + 32767) / 65535) as u16
}

/// 1023 becomes 65535.
fn sixteen_bits(sample: u16) -> u16 {
    ((u32::from(sample) * 65535 + 511) / 1023) as u16
}

/// RGB as `color` makes it, and opacity as it is.
fn split<T: Sample>(
    picture: &Interleaved,
    samples: &[T],
    color: impl Fn(T) -> T,
) -> Result<(Vec<T>, Option<Plane<T>>)> {
    let Interleaved { width, height, channels, .. } = *picture;
    check_size(width, height)?;
    let pixels = width * height;
    if !(1..=4).contains(&channels) || samples.len() != pixels * channels {
        let expected = format!("samples of {width}x{height} pixels of 1 to 4 channels");
        return Err(Error::invalid("picture", expected, format!("{} samples", samples.len())));
    }
    let mut rgb = memory::reserved("a picture", pixels * 3)?;
    for pixel in samples.chunks_exact(channels) {
        match *pixel {
            [red, green, blue, ..] => rgb.extend([red, green, blue].map(&color)),
            _ => rgb.extend([pixel[0]; 3].map(&color)),
        }
    }
    let has_alpha = channels.is_multiple_of(2);
    let alpha = has_alpha.then(|| {
        let mut alpha = memory::reserved("alpha", pixels)?;
        alpha.extend(samples.chunks_exact(channels).map(|pixel| pixel[channels - 1]));
        Plane::from_samples(width, height, alpha)
    });
    Ok((rgb, alpha.transpose()?))
}

impl Interleaved {
    /// The samples of RGB, or of its first plane alone where the picture is gray, with opacity last.
    pub(super) fn of(frame: &Frame, alpha: Option<&Alpha>, is_gray: bool) -> Result<Self> {
        let (width, height) = (frame.width(), frame.height());
        let colors = if is_gray { 1 } else { 3 };
        let channels = colors + usize::from(alpha.is_some());
        let opacity = |at: usize| match alpha {
            None => None,
            Some(Alpha::Eight(plane)) => Some(u16::from(plane.samples()[at]) * 257),
            Some(Alpha::Sixteen(plane)) => Some(plane.samples()[at]),
        };
        let samples = match (frame.planes(), alpha) {
            (Planes::U8(planes), None) => Samples::Eight(joined(&planes[..colors], |v| v, |_| None)?),
            (Planes::U8(planes), Some(Alpha::Eight(alpha))) => {
                Samples::Eight(joined(&planes[..colors], |v| v, |at| Some(alpha.samples()[at]))?)
            }
            (Planes::U8(planes), Some(Alpha::Sixteen(_))) => {
                Samples::Sixteen(joined(&planes[..colors], |v| u16::from(v) * 257, opacity)?)
            }
            (Planes::U16(planes), _) => Samples::Sixteen(joined(&planes[..colors], sixteen_bits, opacity)?),
        };
        Ok(Self { width, height, channels, samples })
    }

    /// Whether samples have 16 bits.
    pub(super) fn is_deep(&self) -> bool {
        matches!(self.samples, Samples::Sixteen(_))
    }

    /// In the byte order that `to_bytes` gives samples of 16 bits.
    pub(super) fn into_bytes(self, to_bytes: fn(u16) -> [u8; 2]) -> Result<Vec<u8>> {
        match self.samples {
            Samples::Eight(samples) => Ok(samples),
            Samples::Sixteen(samples) => {
                let mut bytes = memory::reserved("a picture", samples.len() * 2)?;
                bytes.extend(samples.into_iter().flat_map(to_bytes));
                Ok(bytes)
            }
        }
    }
}

/// Planes side by side, and opacity behind them where there is any.
fn joined<T: Sample, U>(
    planes: &[Plane<T>],
    color: impl Fn(T) -> U,
    opacity: impl Fn(usize) -> Option<U>,
) -> Result<Vec<U>> {
    let pixels = planes[0].samples().len();
    // Opacity is there for all pixels or for none.
    let channels = planes.len() + usize::from(pixels > 0 && opacity(0).is_some());
    let mut out = memory::reserved("a picture", pixels * channels)?;
    for at in 0..pixels {
        out.extend(planes.iter().map(|plane| color(plane.samples()[at])));
        out.extend(opacity(at));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(channels: usize, samples: Samples) -> Interleaved {
        Interleaved { width: 2, height: 1, channels, samples }
    }

    #[test]
    fn samples_come_back_as_they_went_in() {
        let rgb = picture(3, Samples::Eight(vec![1, 2, 3, 4, 5, 6]));
        let with_alpha = picture(4, Samples::Eight(vec![1, 2, 3, 255, 4, 5, 6, 0]));
        // Those of 10 bits that are stretched.
        let deep = picture(4, Samples::Sixteen(vec![0, 65535, 64, 7, 128, 0, 0, 65535]));
        for given in [rgb, with_alpha, deep] {
            let photo = Photo::from_samples(&given).unwrap();
            assert_eq!(photo.to_samples().unwrap(), given);
            assert_eq!(photo.lost.is_empty(), !given.is_deep());
        }
    }

    #[test]
    fn gray_becomes_equal_colors_and_whole_opacity_is_left_out() {
        let gray = Photo::from_samples(&picture(1, Samples::Eight(vec![9, 7]))).unwrap();
        assert_eq!(gray.to_samples().unwrap().samples, Samples::Eight(vec![9, 9, 9, 7, 7, 7]));
        let opaque = Photo::from_samples(&picture(2, Samples::Eight(vec![9, 255, 7, 255]))).unwrap();
        assert_eq!(opaque, gray);
    }

    #[test]
    fn a_number_of_samples_that_does_not_fit_is_an_error() {
        for (channels, count) in [(3, 5), (0, 0), (5, 10), (1, 3)] {
            let error = Photo::from_samples(&picture(channels, Samples::Eight(vec![0; count]))).unwrap_err();
            assert!(error.to_string().contains("2x1 pixels of 1 to 4 channels"), "{error}");
        }
    }
}
