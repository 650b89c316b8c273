//! The same conversions on a GPU: this file hands their coefficients over, the kernels do what `rows` does.

use super::chroma::{DownTaps, UpTaps, subsampling};
use super::matrix::{Affine, Quantization, ToRgb, ToYuv, WeightedSum};
use super::plan::{Plan, plan};
use super::units::{DOWN_UNIT_BITS, up_unit};
use crate::device::Device;
use crate::error::Result;
use crate::frame::{AnyFrame, BitDepth, ChromaLocation, Color, GpuFrame, Layout, PixelFormat};
use crate::frame::{ConvertAffine, ConvertDown, ConvertSum, ConvertToRgb, ConvertUp, Samples};
use crate::gpu::Gpu;

impl AnyFrame {
    /// The same picture in another format: [`convert`](super::convert), sample by sample the same wherever it is made.
    ///
    /// A GPU-resident frame stays resident, whatever `device` is, unless its GPU fails at the conversion or gives other samples:
    /// then the host has the result. A frame of the host stays there; `device` only does the work.
    ///
    /// # Errors
    ///
    /// Those of `convert`; `Device` where the GPU is lost, and a frame with it.
    pub fn convert(self, device: &Device, to: PixelFormat, yuv: Color) -> Result<Self> {
        if self.format() == to {
            return Ok(self);
        }
        // What cannot be converted anywhere is refused before a copy is made.
        plan(self.format(), self.color(), to, yuv)?;
        let kind = kind(self.format(), to);
        match self {
            Self::Host(frame) => device
                .agreed(
                    kind,
                    frame.width() * frame.height(),
                    |gpu| GpuFrame::upload(gpu, &frame)?.convert(to, yuv)?.download(),
                    || super::convert(&frame, to, yuv),
                )
                .map(Self::Host),
            Self::Gpu(frame) => match frame.convert_as_cpu(device, to, yuv)? {
                Some(converted) => Ok(Self::Gpu(converted)),
                None => super::convert(&frame.download()?, to, yuv).map(Self::Host),
            },
        }
    }
}

/// The kind of work, each of which is compared with the CPU's once.
fn kind(from: PixelFormat, to: PixelFormat) -> &'static str {
    let is_eight = from.depth == BitDepth::Eight && to.depth == BitDepth::Eight;
    match (from.layout == Layout::Rgb, to.layout == Layout::Rgb, is_eight) {
        (false, true, true) => "conversion to RGB",
        (false, true, false) => "conversion to RGB with 10 bits",
        (true, false, true) => "conversion from RGB",
        (true, false, false) => "conversion from RGB with 10 bits",
        (true, true, _) => "conversion of RGB",
        (false, false, true) => "conversion of YUV",
        (false, false, false) => "conversion of YUV with 10 bits",
    }
}

impl GpuFrame {
    /// The same picture in another format; `None` where the GPU fails at it or gives other samples than the CPU, as the notes of
    /// `device` then tell.
    ///
    /// # Errors
    ///
    /// As for [`convert`](Self::convert).
    pub(crate) fn convert_as_cpu(
        &self,
        device: &Device,
        to: PixelFormat,
        yuv: Color,
    ) -> Result<Option<Self>> {
        device.at(self.gpu()).kept(
            kind(self.format(), to),
            |_| self.convert(to, yuv),
            Self::download,
            || super::convert(&self.download()?, to, yuv),
        )
    }

    /// The same picture in another format: [`convert`](super::convert), sample by sample the same.
    ///
    /// # Errors
    ///
    /// Also those of `convert`.
    pub fn convert(&self, to: PixelFormat, yuv: Color) -> Result<Self> {
        let (planes, color) = match plan(self.format, self.color, to, yuv)? {
            Plan::Same => (each(self, Affine::IDENTITY, to)?, self.color),
            Plan::Depth(by, color) => (each(self, by, to)?, color),
            Plan::ToRgb(by, color) => (to_rgb(self, by, color, to)?, color.as_rgb()),
            Plan::ToYuv(by, color) => (from_rgb(self, &by, color, to)?, color),
            Plan::Layout(color, kept) => (to_layout(self, color, to)?, kept),
        };
        let size = (self.width, self.height);
        let mut out = Self::assembled(&self.gpu, size, planes, to, color)?;
        out.timestamp = self.timestamp;
        Ok(out)
    }
}

fn is_wide(format: PixelFormat) -> bool {
    format.depth > BitDepth::Eight
}

fn each(frame: &GpuFrame, by: Affine, to: PixelFormat) -> Result<[Samples; 3]> {
    let map = |plane| frame.gpu.convert_map(plane, by.into(), is_wide(to));
    let [first, second, third] = frame.planes.each_ref().map(map);
    Ok([first?, second?, third?])
}

fn to_rgb(frame: &GpuFrame, by: ToRgb, color: Color, to: PixelFormat) -> Result<[Samples; 3]> {
    let up = up(frame.format, Layout::Yuv444, color.chroma_location, frame.sizes()[1]);
    frame.gpu.convert_to_rgb(frame.planes.each_ref(), (frame.width, frame.height), up, by.into(), is_wide(to))
}

fn from_rgb(frame: &GpuFrame, by: &ToYuv, color: Color, to: PixelFormat) -> Result<[Samples; 3]> {
    let (gpu, rgb) = (&frame.gpu, frame.planes.each_ref());
    let size = (frame.width, frame.height);
    let chroma = |plane: usize| {
        if to.layout == Layout::Yuv444 {
            return gpu.convert_from_rgb(rgb, by.chroma[plane].into(), is_wide(to));
        }
        let down = down(Layout::Rgb, to, color.chroma_location, size);
        let size = to.chroma_size(frame.width, frame.height);
        gpu.convert_lower(&rgb, by.unfiltered[plane].into(), down, size, is_wide(to))
    };
    Ok([gpu.convert_from_rgb(rgb, by.y.into(), is_wide(to))?, chroma(0)?, chroma(1)?])
}

fn to_layout(frame: &GpuFrame, color: Color, to: PixelFormat) -> Result<[Samples; 3]> {
    let (gpu, from) = (&frame.gpu, frame.format);
    let [a, b] = [from, to].map(|format| Quantization::new(color.range, format.depth));
    let luma = Affine::new(f64::from(b.luma) / f64::from(a.luma), 1, a.black, b.black, to.depth);
    let [_, blue, red] = &frame.planes;
    let chroma = |plane| chroma_plane(gpu, plane, frame, color, to);
    Ok([gpu.convert_map(&frame.planes[0], luma.into(), is_wide(to))?, chroma(blue)?, chroma(red)?])
}

fn chroma_plane(
    gpu: &Gpu,
    plane: &Samples,
    frame: &GpuFrame,
    color: Color,
    to: PixelFormat,
) -> Result<Samples> {
    let (from, location) = (frame.format, color.chroma_location);
    let [a, b] = [from, to].map(|format| Quantization::new(color.range, format.depth));
    let gain = f64::from(b.chroma) / f64::from(a.chroma);
    let (before, after) = (subsampling(from.layout), subsampling(to.layout));
    let (size_in, size_out) = (frame.sizes()[1], to.chroma_size(frame.width, frame.height));
    if before == after {
        let by = Affine::new(gain, 1, a.neutral, b.neutral, to.depth);
        gpu.convert_map(plane, by.into(), is_wide(to))
    } else if before > after {
        let by = Affine::new(gain, up_unit(from.depth), 0, b.neutral, to.depth);
        gpu.convert_raise(plane, up(from, to.layout, location, size_in), by.into(), size_out, is_wide(to))
    } else {
        let by = Affine::to_halve(gain, from.depth, to.depth);
        let sum =
            WeightedSum { rgb: [by.gain, 0, 0], bias: by.bias, shift: by.shift, min: by.min, max: by.max };
        gpu.convert_lower(
            &[plane],
            sum.into(),
            down(from.layout, to, location, size_in),
            size_out,
            is_wide(to),
        )
    }
}

fn up(from: PixelFormat, to: Layout, location: ChromaLocation, (width, height): (usize, usize)) -> ConvertUp {
    let taps = UpTaps::new(from.layout, to, location, from.depth);
    let side = |doubling: Option<super::chroma::Doubling>| {
        let [mut even, mut odd] = [[0, 0, 320, 0]; 2];
        if let Some(taps) = doubling {
            (even, odd) = (taps.even, taps.odd);
        }
        let [a, b, c, d] = even;
        let [e, f, g, h] = odd;
        [a, b, c, d, e, f, g, h]
    };
    ConvertUp {
        width: width as i32,
        height: height as i32,
        doubles_x: taps.horizontal.is_some().into(),
        doubles_y: taps.vertical.is_some().into(),
        across: side(taps.horizontal),
        down: side(taps.vertical),
        neutral: taps.neutral,
        shift: taps.shift as i32,
    }
}

fn down(
    from: Layout,
    to: PixelFormat,
    location: ChromaLocation,
    (width, height): (usize, usize),
) -> ConvertDown {
    let taps = DownTaps::new(from, to.layout, location);
    let shift = DOWN_UNIT_BITS - u32::from(to.depth.bits());
    ConvertDown {
        width: width as i32,
        height: height as i32,
        halves_x: taps.horizontal.is_some().into(),
        step_y: taps.step as i32,
        across: taps.horizontal.unwrap_or_default(),
        down: taps.vertical,
        shift: shift as i32,
        bias: (1 << (DOWN_UNIT_BITS - 1)) + (1 << (shift - 1)),
        max: i32::from(to.depth.max_value()),
    }
}

impl From<Affine> for ConvertAffine {
    fn from(by: Affine) -> Self {
        Self { gain: by.gain, bias: by.bias, shift: by.shift as i32, min: by.min, max: by.max }
    }
}

impl From<WeightedSum> for ConvertSum {
    fn from(by: WeightedSum) -> Self {
        Self { rgb: by.rgb, bias: by.bias, shift: by.shift as i32, min: by.min, max: by.max }
    }
}

impl From<ToRgb> for ConvertToRgb {
    fn from(by: ToRgb) -> Self {
        Self { y: by.y, u: by.u, v: by.v, bias: by.bias, shift: by.shift as i32, max: by.max }
    }
}
