//! Pictures in the memory of a GPU. What takes frames there and back, and between formats there.

use std::sync::Arc;

use super::{BitDepth, Color, Frame, Layout, PixelFormat, Plane, Planes, check_size};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{ConvertAffine, Samples};
use crate::gpu::{Buffer, DeviceSample, Gpu};

/// One picture in the memory of a GPU; see [`Frame`] for its parts.
///
/// ```
/// use neural_codec::device::Device;
/// use neural_codec::frame::{Color, Frame, GpuFrame, PixelFormat};
///
/// let frame = Frame::new(64, 48, PixelFormat::YUV420_8, Color::default())?;
/// if let Some(gpu) = Device::auto().gpu() {
///     let there = GpuFrame::upload(gpu, &frame)?;
///     let rgb = there.convert(PixelFormat::RGB_8, Color { matrix: Color::BT709, ..Color::default() })?;
///     assert_eq!(rgb.download()?.format(), PixelFormat::RGB_8);
/// }
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug)]
pub struct GpuFrame {
    pub(super) gpu: Arc<Gpu>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) format: PixelFormat,
    pub(super) color: Color,
    pub(super) planes: [Samples; 3],
    /// Presentation time, as that of [`Frame`].
    pub timestamp: i64,
}

impl GpuFrame {
    /// A copy of a frame of the host.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`; so of all that follows.
    pub fn upload(gpu: &Arc<Gpu>, frame: &Frame) -> Result<Self> {
        let planes = match frame.planes() {
            Planes::U8([a, b, c]) => [a, b, c].map(|p| gpu.upload(p.samples()).map(Samples::U8)),
            Planes::U16([a, b, c]) => [a, b, c].map(|p| gpu.upload(p.samples()).map(Samples::U16)),
        };
        let [first, second, third] = planes;
        Ok(Self {
            gpu: gpu.clone(),
            width: frame.width(),
            height: frame.height(),
            format: frame.format(),
            color: frame.color(),
            planes: [first?, second?, third?],
            timestamp: frame.timestamp,
        })
    }

    /// A picture of planes that are there.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where their sizes, sample type or values do not fit `format`.
    pub fn from_planes(
        gpu: &Arc<Gpu>,
        size: (usize, usize),
        planes: [Samples; 3],
        format: PixelFormat,
        color: Color,
    ) -> Result<Self> {
        let frame = Self::assembled(gpu, size, planes, format, color)?;
        let max = format.depth.max_value();
        for plane in &frame.planes {
            if let Samples::U16(plane) = plane
                && gpu.count_over(plane, max)? > 0
            {
                return Err(Error::invalid("sample", format!("at most {max}"), "a larger one"));
            }
        }
        Ok(frame)
    }

    /// The same of planes whose values are known to fit.
    pub(crate) fn assembled(
        gpu: &Arc<Gpu>,
        (width, height): (usize, usize),
        planes: [Samples; 3],
        format: PixelFormat,
        color: Color,
    ) -> Result<Self> {
        check_size(width, height)?;
        let (chroma_width, chroma_height) = format.chroma_size(width, height);
        let expected = [width * height, chroma_width * chroma_height, chroma_width * chroma_height];
        let found = planes.each_ref().map(Samples::len);
        if found != expected {
            let expected = format!("{expected:?} samples for {format}");
            return Err(Error::invalid("planes", expected, format!("{found:?}")));
        }
        let is_wide = format.depth > BitDepth::Eight;
        if planes.iter().any(|plane| matches!(plane, Samples::U16(_)) != is_wide) {
            return Err(Error::invalid("planes", format!("samples of {format}"), "another sample type"));
        }
        Ok(Self { gpu: gpu.clone(), width, height, format, color, planes, timestamp: 0 })
    }

    /// The same picture at another time.
    #[must_use]
    pub fn with_timestamp(self, timestamp: i64) -> Self {
        Self { timestamp, ..self }
    }

    /// A copy in the memory of the host.
    ///
    /// # Errors
    ///
    /// Also those of [`Frame::from_planes`].
    pub fn download(&self) -> Result<Frame> {
        let sizes = self.sizes();
        let planes = match &self.planes {
            [Samples::U8(a), Samples::U8(b), Samples::U8(c)] => {
                let [a, b, c] = [a, b, c].map(|plane| self.gpu.download(plane));
                Planes::U8([plane(sizes[0], a?)?, plane(sizes[1], b?)?, plane(sizes[2], c?)?])
            }
            [Samples::U16(a), Samples::U16(b), Samples::U16(c)] => {
                let [a, b, c] = [a, b, c].map(|plane| self.gpu.download(plane));
                Planes::U16([plane(sizes[0], a?)?, plane(sizes[1], b?)?, plane(sizes[2], c?)?])
            }
            _ => return Err(Error::internal("frame", "planes of different sample types")),
        };
        Ok(Frame::from_planes(planes, self.format, self.color)?.with_timestamp(self.timestamp))
    }

    /// The picture with samples of `depth` bits: [`Frame::shifted_to`], sample by sample the same.
    pub fn shifted_to(&self, depth: BitDepth) -> Result<Self> {
        let by = match (self.format.depth, depth) {
            (BitDepth::Eight, BitDepth::Ten) => {
                ConvertAffine { gain: 4, bias: 0, shift: 0, min: 0, max: 1023 }
            }
            (BitDepth::Ten, BitDepth::Eight) => {
                ConvertAffine { gain: 1, bias: 2, shift: 2, min: 0, max: 255 }
            }
            _ => ConvertAffine { gain: 1, bias: 0, shift: 0, min: 0, max: i32::from(depth.max_value()) },
        };
        let is_wide = depth > BitDepth::Eight;
        let [first, second, third] =
            self.planes.each_ref().map(|plane| self.gpu.convert_map(plane, by, is_wide));
        let format = PixelFormat { depth, ..self.format };
        Ok(Self { format, planes: [first?, second?, third?], gpu: self.gpu.clone(), ..*self })
    }

    /// The same picture on the GPU, where `shifted` is what [`Frame::shifted_to`] gave of it on the host.
    ///
    /// `None` where the GPU fails at it or gives another.
    pub(crate) fn shifted_like(&self, shifted: &Frame) -> Result<Option<Self>> {
        Device::default().at(&self.gpu).kept(
            "depth",
            |_| self.shifted_to(shifted.format().depth),
            Self::download,
            || Ok(shifted.clone()),
        )
    }

    /// Samples of red, green and blue side by side, of shape `[height, width, 3]`.
    ///
    /// # Errors
    ///
    /// `Internal` for another layout.
    pub fn interleaved(&self) -> Result<Samples> {
        match self.rgb()? {
            [Samples::U8(r), Samples::U8(g), Samples::U8(b)] => {
                self.gpu.interleave([r, g, b]).map(Samples::U8)
            }
            [Samples::U16(r), Samples::U16(g), Samples::U16(b)] => {
                self.gpu.interleave([r, g, b]).map(Samples::U16)
            }
            _ => Err(Error::internal("frame", "planes of different sample types")),
        }
    }

    /// Red, green and blue one after the other, of shape `[3, height, width]`.
    ///
    /// # Errors
    ///
    /// As for `interleaved`.
    pub fn stacked(&self) -> Result<Samples> {
        match self.rgb()? {
            [Samples::U8(r), Samples::U8(g), Samples::U8(b)] => self.gpu.concat(&[r, g, b]).map(Samples::U8),
            [Samples::U16(r), Samples::U16(g), Samples::U16(b)] => {
                self.gpu.concat(&[r, g, b]).map(Samples::U16)
            }
            _ => Err(Error::internal("frame", "planes of different sample types")),
        }
    }

    fn rgb(&self) -> Result<&[Samples; 3]> {
        let is_rgb = self.format.layout == Layout::Rgb;
        if is_rgb {
            Ok(&self.planes)
        } else {
            Err(Error::internal("frame", format!("{} as RGB", self.format)))
        }
    }

    /// The samples, without the picture.
    pub fn into_planes(self) -> [Samples; 3] {
        self.planes
    }

    /// The GPU that holds it.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Layout and bit depth.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Range, primaries, transfer and matrix of the samples.
    pub fn color(&self) -> Color {
        self.color
    }

    /// The samples.
    pub fn planes(&self) -> &[Samples; 3] {
        &self.planes
    }

    /// Width and height of each plane.
    pub fn sizes(&self) -> [(usize, usize); 3] {
        let chroma = self.format.chroma_size(self.width, self.height);
        [(self.width, self.height), chroma, chroma]
    }
}

fn plane<T: super::Sample>((width, height): (usize, usize), samples: Vec<T>) -> Result<Plane<T>> {
    Plane::from_samples(width, height, samples)
}

/// Pixels of red, green and blue side by side, on the GPU.
impl GpuFrame {
    /// A picture of 8 bits from pixels of shape `[height, width, 3]`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where their number does not fit, `OutOfMemory`, `Device`.
    pub fn from_rgb8_interleaved(
        gpu: &Arc<Gpu>,
        rgb: &Buffer<u8>,
        width: usize,
        height: usize,
    ) -> Result<Self> {
        Self::from_interleaved(gpu, rgb, (width, height), Samples::U8, PixelFormat::RGB_8)
    }

    /// Likewise of 10 bits, in the low bits.
    pub fn from_rgb10_interleaved(
        gpu: &Arc<Gpu>,
        rgb: &Buffer<u16>,
        width: usize,
        height: usize,
    ) -> Result<Self> {
        Self::from_interleaved(gpu, rgb, (width, height), Samples::U16, PixelFormat::RGB_10)
    }

    fn from_interleaved<T: DeviceSample>(
        gpu: &Arc<Gpu>,
        rgb: &Buffer<T>,
        (width, height): (usize, usize),
        samples: fn(Buffer<T>) -> Samples,
        format: PixelFormat,
    ) -> Result<Self> {
        check_size(width, height)?;
        if rgb.len() != width * height * 3 {
            return Err(Error::invalid("samples", format!("{height} x {width} x 3"), rgb.len()));
        }
        let planes = gpu.deinterleave(rgb)?.map(samples);
        Self::from_planes(gpu, (width, height), planes, format, Color::default().as_rgb())
    }
}
