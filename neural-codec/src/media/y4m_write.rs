//! Y4M files out, without FFmpeg.
//!
//! Y4M carries size, rate, pixel aspect, chroma layout, bit depth and range, and at 8 bits where 4:2:0
//! chroma lies. Primaries, transfer, matrix, timestamps and audio cannot travel in it.

use std::io::Write;

use crate::error::{Error, Result};
use crate::frame::{
    BitDepth, ChromaLocation, Color, ColorRange, Frame, Layout, PixelFormat, Plane, Planes, VideoInfo,
    check_size,
};

/// Writes frames as a Y4M stream.
///
/// Layout: one header line, then for each frame the line `FRAME` and the planes Y, U, V, 10-bit samples as little-endian
/// `u16`. Wrap files in a [`BufWriter`](std::io::BufWriter) only for tiny pictures: planes go out whole.
#[derive(Debug)]
pub struct Y4mWriter<W: Write> {
    out: W,
    info: VideoInfo,
    bytes: Vec<u8>,
}

impl<W: Write> Y4mWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for RGB, which Y4M does not have; `Io` from `out`.
    pub fn new(mut out: W, info: &VideoInfo) -> Result<Self> {
        check_size(info.width, info.height)?;
        let tag = chroma_tag(info.format, info.color)?;
        let range = match info.color.range {
            ColorRange::Unspecified => "",
            ColorRange::Limited => " XCOLORRANGE=LIMITED",
            ColorRange::Full => " XCOLORRANGE=FULL",
        };
        let (rate, aspect) = (info.frame_rate, info.pixel_aspect);
        writeln!(
            out,
            "YUV4MPEG2 W{} H{} F{}:{} Ip A{}:{} C{tag}{range}",
            info.width, info.height, rate.num, rate.den, aspect.num, aspect.den
        )?;
        Ok(Self { out, info: *info, bytes: Vec::new() })
    }

    /// Writes one frame. Its timestamp is not written: frames count at the clip's rate.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when size or format differ from the clip's; `Io` from the output.
    pub fn write_frame(&mut self, frame: &Frame) -> Result<()> {
        let VideoInfo { width, height, format, .. } = self.info;
        if (frame.width(), frame.height(), frame.format()) != (width, height, format) {
            return Err(Error::invalid(
                "frame",
                format!("{width}x{height} {format}"),
                format!("{}x{} {}", frame.width(), frame.height(), frame.format()),
            ));
        }
        self.out.write_all(b"FRAME\n")?;
        match frame.planes() {
            Planes::U8(planes) => planes.iter().try_for_each(|plane| self.out.write_all(plane.samples()))?,
            Planes::U16(planes) => planes.iter().try_for_each(|plane| self.write_deep(plane))?,
        }
        Ok(())
    }

    fn write_deep(&mut self, plane: &Plane<u16>) -> std::io::Result<()> {
        // In blocks, so that the copy stays in the cache.
        for block in plane.samples().chunks(1 << 15) {
            self.bytes.clear();
            self.bytes.extend(block.iter().flat_map(|sample| sample.to_le_bytes()));
            self.out.write_all(&self.bytes)?;
        }
        Ok(())
    }

    /// Flushes, and gives the output back.
    ///
    /// # Errors
    ///
    /// `Io` from the output.
    pub fn finish(mut self) -> Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The value of the `C` field. The location of 4:2:0 chroma has tags at 8 bits only.
fn chroma_tag(format: PixelFormat, color: Color) -> Result<&'static str> {
    Ok(match (format.layout, format.depth) {
        (Layout::Yuv420, BitDepth::Eight) => match color.chroma_location {
            ChromaLocation::Unspecified => "420",
            ChromaLocation::Left => "420mpeg2",
            ChromaLocation::Center => "420jpeg",
            ChromaLocation::TopLeft => "420paldv",
        },
        // Older readers look at the second field.
        (Layout::Yuv420, BitDepth::Ten) => "420p10 XYSCSS=420P10",
        (Layout::Yuv422, BitDepth::Eight) => "422",
        (Layout::Yuv422, BitDepth::Ten) => "422p10 XYSCSS=422P10",
        (Layout::Yuv444, BitDepth::Eight) => "444",
        (Layout::Yuv444, BitDepth::Ten) => "444p10 XYSCSS=444P10",
        (Layout::Rgb, _) => {
            return Err(Error::invalid(
                "format",
                "YUV: Y4M has no RGB; use frame::convert to yuv444p",
                format,
            ));
        }
    })
}
