//! The description of a clip as a C struct.

use std::mem::offset_of;

use neural_codec::frame::{
    BitDepth, ChromaLocation, Color, ColorRange, Layout, PixelFormat, Rational, VideoInfo, check_size,
};
use neural_codec::{Error, Result};

use crate::handle::call_without_handle;
use crate::pointer::{Growable, Output, init_struct, read_struct};
use crate::status::NCODEC_OK;

/// Luma, and chroma at half width and half height.
pub const NCODEC_LAYOUT_YUV420: i32 = 0;
/// Luma, and chroma at half width.
pub const NCODEC_LAYOUT_YUV422: i32 = 1;
/// Luma and chroma at the same size.
pub const NCODEC_LAYOUT_YUV444: i32 = 2;
/// Red, green, blue.
pub const NCODEC_LAYOUT_RGB: i32 = 3;

/// The source does not say; conversions treat YUV as limited and RGB as full.
pub const NCODEC_RANGE_UNSPECIFIED: i32 = 0;
/// Luma from 16 to 235, chroma from 16 to 240, scaled by 4 at 10 bits.
pub const NCODEC_RANGE_LIMITED: i32 = 1;
/// The whole range of the bit depth.
pub const NCODEC_RANGE_FULL: i32 = 2;

/// The source does not say.
pub const NCODEC_CHROMA_UNSPECIFIED: i32 = 0;
/// Between two luma rows, in the left luma column.
pub const NCODEC_CHROMA_LEFT: i32 = 1;
/// In the center of four luma samples.
pub const NCODEC_CHROMA_CENTER: i32 = 2;
/// On the top left luma sample.
pub const NCODEC_CHROMA_TOP_LEFT: i32 = 3;

/// Size, format, color and rate of a clip. Fill it by ncodec_video_info_init first.
///
/// A picture is three planes: Y, U, V or R, G, B. Samples of 8 bits are bytes; those of 10 bits are uint16_t in the
/// machine's byte order, with values up to 1023.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CVideoInfo {
    /// Bytes of this struct; set by ncodec_video_info_init.
    pub struct_size: u32,
    /// Width in pixels, 1 to 16384. Must be set.
    pub width: u32,
    /// Height in pixels, 1 to 16384. Must be set.
    pub height: u32,
    /// An NCODEC_LAYOUT_*; NCODEC_LAYOUT_YUV420 by default. Other layouts are encoded as 4:2:0.
    pub layout: i32,
    /// Bits of a sample, 8 (the default) or 10.
    pub bit_depth: i32,
    /// An NCODEC_RANGE_*; unspecified by default.
    pub color_range: i32,
    /// Color primaries as in ITU-T H.273 table 2; 2, unspecified, by default.
    pub color_primaries: i32,
    /// Transfer characteristics as in ITU-T H.273 table 3; 2, unspecified, by default.
    pub color_transfer: i32,
    /// Matrix coefficients as in ITU-T H.273 table 4; 2, unspecified, by default.
    pub color_matrix: i32,
    /// An NCODEC_CHROMA_*; unspecified by default.
    pub chroma_location: i32,
    /// Frames a second, numerator: the mean where the rate varies; 25 by default.
    pub frame_rate_num: u32,
    /// Frames a second, denominator; 1 by default.
    pub frame_rate_den: u32,
    /// Seconds per unit of a timestamp, numerator. 0, the default, in this and the next: one frame.
    pub time_base_num: u32,
    /// Seconds per unit of a timestamp, denominator.
    pub time_base_den: u32,
    /// Width of a pixel over its height, numerator; 1 by default.
    pub pixel_aspect_num: u32,
    /// Width of a pixel over its height, denominator; 1 by default.
    pub pixel_aspect_den: u32,
}

#[allow(unsafe_code)]
// SAFETY: repr(C), sixteen fields of 32 bits, the first of which is the size.
unsafe impl Growable for CVideoInfo {
    const FIRST_SIZE: usize = offset_of!(Self, pixel_aspect_den) + size_of::<u32>();
}

impl Default for CVideoInfo {
    fn default() -> Self {
        let unspecified = i32::from(Color::UNSPECIFIED);
        Self {
            struct_size: size_of::<Self>() as u32,
            width: 0,
            height: 0,
            layout: NCODEC_LAYOUT_YUV420,
            bit_depth: 8,
            color_range: NCODEC_RANGE_UNSPECIFIED,
            color_primaries: unspecified,
            color_transfer: unspecified,
            color_matrix: unspecified,
            chroma_location: NCODEC_CHROMA_UNSPECIFIED,
            frame_rate_num: 25,
            frame_rate_den: 1,
            time_base_num: 0,
            time_base_den: 0,
            pixel_aspect_num: 1,
            pixel_aspect_den: 1,
        }
    }
}

const LAYOUTS: [Layout; 4] = [Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb];
const RANGES: [ColorRange; 3] = [ColorRange::Unspecified, ColorRange::Limited, ColorRange::Full];
const LOCATIONS: [ChromaLocation; 4] =
    [ChromaLocation::Unspecified, ChromaLocation::Left, ChromaLocation::Center, ChromaLocation::TopLeft];

impl CVideoInfo {
    /// # Errors
    ///
    /// `InvalidArgument` naming the field, `LimitExceeded` for sides that are too long.
    pub(crate) fn to_video(self) -> Result<VideoInfo> {
        let fraction = |name: &str, num, den| {
            Rational::new(num, den)
                .map_err(|_| Error::invalid(name, "both parts at least 1", format!("{num}/{den}")))
        };
        let frame_rate = fraction("frame_rate", self.frame_rate_num, self.frame_rate_den)?;
        let time_base = match (self.time_base_num, self.time_base_den) {
            (0, 0) => frame_rate.inverse(),
            (num, den) => fraction("time_base", num, den)?,
        };
        let (width, height) = (self.width as usize, self.height as usize);
        check_size(width, height)?;
        Ok(VideoInfo {
            width,
            height,
            format: self.format()?,
            color: Color {
                range: entry("color_range", &RANGES, self.color_range)?,
                primaries: code_point("color_primaries", self.color_primaries)?,
                transfer: code_point("color_transfer", self.color_transfer)?,
                matrix: code_point("color_matrix", self.color_matrix)?,
                chroma_location: entry("chroma_location", &LOCATIONS, self.chroma_location)?,
            },
            frame_rate,
            time_base,
            pixel_aspect: fraction("pixel_aspect", self.pixel_aspect_num, self.pixel_aspect_den)?,
        })
    }

    fn format(&self) -> Result<PixelFormat> {
        let depth = u8::try_from(self.bit_depth).ok().and_then(|bits| BitDepth::try_from(bits).ok());
        let depth = depth.ok_or_else(|| Error::invalid("bit_depth", "8 or 10", self.bit_depth))?;
        Ok(PixelFormat { layout: entry("layout", &LAYOUTS, self.layout)?, depth })
    }
}

impl From<&VideoInfo> for CVideoInfo {
    fn from(info: &VideoInfo) -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            width: info.width as u32,
            height: info.height as u32,
            layout: index(&LAYOUTS, info.format.layout),
            bit_depth: i32::from(info.format.depth.bits()),
            color_range: index(&RANGES, info.color.range),
            color_primaries: i32::from(info.color.primaries),
            color_transfer: i32::from(info.color.transfer),
            color_matrix: i32::from(info.color.matrix),
            chroma_location: index(&LOCATIONS, info.color.chroma_location),
            frame_rate_num: info.frame_rate.num,
            frame_rate_den: info.frame_rate.den,
            time_base_num: info.time_base.num,
            time_base_den: info.time_base.den,
            pixel_aspect_num: info.pixel_aspect.num,
            pixel_aspect_den: info.pixel_aspect.den,
        }
    }
}

fn entry<T: Copy>(name: &str, table: &[T], value: i32) -> Result<T> {
    let found = usize::try_from(value).ok().and_then(|value| table.get(value).copied());
    found.ok_or_else(|| Error::invalid(name, format!("0 to {}", table.len() - 1), value))
}

fn index<T: PartialEq>(table: &[T], value: T) -> i32 {
    table.iter().position(|entry| *entry == value).unwrap_or_default() as i32
}

fn code_point(name: &str, value: i32) -> Result<u8> {
    u8::try_from(value).map_err(|_| Error::invalid(name, "0 to 255 (ITU-T H.273)", value))
}

/// Fills a description with the defaults given at its fields. Pass sizeof *info as info_size.
///
/// Ownership: the struct is yours. Threads: any.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub unsafe extern "C" fn ncodec_video_info_init(info: *mut CVideoInfo, info_size: usize) -> i32 {
    call_without_handle(|| {
        // SAFETY: the header asks for NULL or a struct of that size.
        unsafe { init_struct("info", info, info_size, CVideoInfo::default())? };
        Ok(NCODEC_OK)
    })
}

/// Says how large a plane (0, 1 or 2) of a picture is: bytes in a row and number of rows, both without padding.
///
/// Use it to allocate planes for ncodec_encoder_send_frame and ncodec_decoder_copy_frame. Width, height, layout
/// and bit_depth of info are read. Ownership: nothing is kept. Threads: any.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub unsafe extern "C" fn ncodec_plane_size(
    info: *const CVideoInfo,
    plane: i32,
    row_bytes: *mut usize,
    rows: *mut usize,
) -> i32 {
    call_without_handle(|| {
        // SAFETY: the header asks for NULL or pointers that are valid for the call.
        let (info, mut row_bytes, mut rows) = unsafe {
            (
                read_struct("info", info, CVideoInfo::default())?,
                Output::new("row_bytes", row_bytes)?,
                Output::new("rows", rows)?,
            )
        };
        let (format, size) = (info.format()?, (info.width as usize, info.height as usize));
        check_size(size.0, size.1)?;
        let (width, height) = match plane {
            0 => size,
            1 | 2 => format.chroma_size(size.0, size.1),
            _ => return Err(Error::invalid("plane", "0, 1 or 2", plane)),
        };
        row_bytes.put(width * usize::from(format.depth.bits().div_ceil(8)));
        rows.put(height);
        Ok(NCODEC_OK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_survives_the_way_to_c_and_back() {
        for format in PixelFormat::ALL {
            let mut info = VideoInfo::new(640, 360, format, Rational { num: 30000, den: 1001 });
            info.color = Color {
                range: ColorRange::Full,
                primaries: 9,
                transfer: 16,
                matrix: 9,
                chroma_location: ChromaLocation::TopLeft,
            };
            info.pixel_aspect = Rational { num: 4, den: 3 };
            assert_eq!(CVideoInfo::from(&info).to_video().unwrap(), info);
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let good = CVideoInfo { width: 16, height: 16, ..CVideoInfo::default() };
        assert!(good.to_video().is_ok());
        for (wrong, name) in [
            (CVideoInfo { width: 0, ..good }, "width"),
            (CVideoInfo { layout: 4, ..good }, "layout"),
            (CVideoInfo { bit_depth: 9, ..good }, "bit_depth"),
            (CVideoInfo { color_matrix: 256, ..good }, "color_matrix"),
            (CVideoInfo { frame_rate_den: 0, ..good }, "frame_rate"),
            (CVideoInfo { time_base_num: 1, ..good }, "time_base"),
        ] {
            let message = wrong.to_video().unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
