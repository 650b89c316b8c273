//! The source as it is coded, where the base layer cannot take it as it is.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{AnyFrame, Color, Frame, GpuFrame, Layout, PixelFormat, VideoInfo};

/// # Errors
///
/// `InvalidArgument` where frame `number` is not of the source's size and format.
pub(super) fn check_frame(frame: &AnyFrame, source: &VideoInfo, number: u64) -> Result<()> {
    let found = (frame.width(), frame.height(), frame.format());
    if found != (source.width, source.height, source.format) {
        let text =
            |(width, height, format): (usize, usize, PixelFormat)| format!("{width}x{height} in {format}");
        let expected = text((source.width, source.height, source.format));
        return Err(Error::invalid(format!("frame {number}"), expected, text(found)));
    }
    Ok(())
}

/// A frame of the source as it is coded, in the memory of the host, and on the GPU where it lies there too.
///
/// The device does not change it.
pub(super) fn coded_frame(
    frame: AnyFrame,
    coded: &VideoInfo,
    device: &Device,
) -> Result<(Frame, Option<GpuFrame>)> {
    match frame.convert(device, coded.format, coded.color)? {
        AnyFrame::Host(frame) => Ok((frame, None)),
        AnyFrame::Gpu(frame) => Ok((frame.download()?, Some(frame))),
    }
}

/// The clip as it is coded: 4:2:0 at the source's depth.
pub(super) fn coded_info(source: &VideoInfo) -> VideoInfo {
    if source.format.layout == Layout::Yuv420 {
        return *source;
    }
    let format = PixelFormat { layout: Layout::Yuv420, ..source.format };
    let color: Color = source.color.resolve_for_conversion(Layout::Yuv420, source.width, source.height);
    VideoInfo { format, color, ..*source }
}

/// What the report says of a source that is coded in another format.
pub(super) fn conversion_note(source: &VideoInfo, coded: &VideoInfo) -> Option<String> {
    (source.format != coded.format).then(|| {
        format!(
            "The source is {}; it is coded as {} with color matrix {} (H.273) and measured against that.",
            source.format, coded.format, coded.color.matrix
        )
    })
}
