//! The pixel layout that sizes of planes speak of.

use neural_codec::error::{Error, Result};
use neural_codec::frame::{BitDepth, Layout, PixelFormat};

/// The layout of a picture of a size whose chroma planes have another.
pub(crate) fn layout_of(
    (width, height): (usize, usize),
    chroma: (usize, usize),
    depth: BitDepth,
) -> Result<Layout> {
    [Layout::Yuv420, Layout::Yuv422, Layout::Yuv444]
        .into_iter()
        .find(|&layout| PixelFormat { layout, depth }.chroma_size(width, height) == chroma)
        .ok_or_else(|| {
            let expected = format!("chroma of a 4:2:0, 4:2:2 or 4:4:4 picture of {width}x{height}");
            Error::invalid("planes", expected, format!("{}x{}", chroma.0, chroma.1))
        })
}
