//! Y4M files in, without FFmpeg.
//!
//! ```text
//! YUV4MPEG2 W352 H288 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n
//! FRAME\n  planes Y, U, V   FRAME\n  planes Y, U, V   ...
//! ```
//! Source: the yuv4mpeg(5) page of mjpegtools; `p10` tags and `XCOLORRANGE` as FFmpeg writes them. Not in the
//! format, hence unspecified: primaries, transfer, matrix. Nothing is allocated for bytes that have not arrived,
//! up to a block.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::FrameSource;
use crate::error::{Error, Place, Result};
use crate::frame::{
    BitDepth, ChromaLocation, ColorRange, Frame, Layout, PixelFormat, Plane, Planes, Rational, Sample,
    VideoInfo, check_size,
};

/// Longest header or frame line read, in bytes; real ones have about 80.
const MAX_LINE: u64 = 4096;
/// Most bytes allocated before as many have arrived: a 4K plane at 8 bits.
const BLOCK: usize = 8 << 20;

/// Reads frames from a Y4M stream.
///
/// - `C420`, and no `C` at all, leave the chroma location unspecified; `420jpeg` is center, `420mpeg2` left, `420paldv` top left.
/// - `Cmono` and `Cmono10` become 4:2:0 with neutral chroma.
/// - `F0:0`, which stands for an unknown rate, counts as 25 frames a second, as in FFmpeg; `A0:0` as square pixels.
/// - Interlaced streams are refused; unknown `X` fields and parameters of frames are passed over.
#[derive(Debug)]
pub struct Y4mReader<R: Read> {
    input: BufReader<R>,
    header: Header,
    /// Bytes read so far.
    offset: u64,
    /// Index of the next frame.
    frame: u64,
    at_end: bool,
}

impl Y4mReader<File> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// `Io`, and as [`new`](Y4mReader::new).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::new(File::open(path).map_err(|error| Error::io(path, error))?)
    }
}

impl<R: Read> Y4mReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// `Corrupt` and `Truncated` with the byte offset, `LimitExceeded` for sizes over
    /// [`MAX_SIDE`](crate::frame::MAX_SIDE), `Unsupported` for interlaced streams and other chroma formats.
    pub fn new(input: R) -> Result<Self> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        let line = read_line(&mut input, "Y4M header", Place::at_offset(0))?
            .ok_or(Error::Truncated { what: "Y4M header", place: Place::at_offset(0) })?;
        let header = Header::parse(&line)?;
        Ok(Self { input, header, offset: line.len() as u64 + 1, frame: 0, at_end: false })
    }

    fn place(&self) -> Place {
        Place { offset: Some(self.offset), scene: None, frame: Some(self.frame) }
    }

    fn read_frame(&mut self) -> Result<Option<Frame>> {
        let place = self.place();
        let Some(line) = read_line(&mut self.input, "Y4M frame line", place)? else { return Ok(None) };
        if line != b"FRAME" && !line.starts_with(b"FRAME ") {
            return Err(Error::corrupt("Y4M frame line", "FRAME", quoted(&line), place));
        }
        self.offset += line.len() as u64 + 1;
        let VideoInfo { format, color, .. } = self.header.info;
        let planes = match format.depth {
            BitDepth::Eight => Planes::U8(self.read_planes(128, |reader, n| reader.read_bytes(n))?),
            BitDepth::Ten => Planes::U16(self.read_planes(512, |reader, n| reader.read_words(n))?),
        };
        let frame = Frame::from_planes(planes, format, color)?.with_timestamp(self.frame as i64);
        self.frame += 1;
        Ok(Some(frame))
    }

    /// Three planes; chroma of `neutral` where the stream is luma alone.
    fn read_planes<T: Sample>(
        &mut self,
        neutral: u16,
        mut read: impl FnMut(&mut Self, usize) -> Result<Vec<T>>,
    ) -> Result<[Plane<T>; 3]> {
        let VideoInfo { width, height, format, .. } = self.header.info;
        let (cw, ch) = format.chroma_size(width, height);
        let luma = Plane::from_samples(width, height, read(self, width * height)?)?;
        let mut chroma = || {
            let samples = match self.header.luma_only {
                true => vec![T::saturating_from(neutral); cw * ch],
                false => read(self, cw * ch)?,
            };
            Plane::from_samples(cw, ch, samples)
        };
        Ok([luma, chroma()?, chroma()?])
    }

    fn read_bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(count.min(BLOCK)).map_err(|_| out_of_memory(count))?;
        let read = (&mut self.input).take(count as u64).read_to_end(&mut bytes)?;
        self.offset += read as u64;
        if read < count {
            return Err(Error::Truncated { what: "Y4M frame", place: self.place() });
        }
        Ok(bytes)
    }

    fn read_words(&mut self, count: usize) -> Result<Vec<u16>> {
        let start = self.offset;
        let bytes = self.read_bytes(2 * count)?;
        let samples: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        let max = self.header.info.format.depth.max_value();
        if let Some(at) = samples.iter().position(|&sample| sample > max) {
            let place = Place { offset: Some(start + 2 * at as u64), ..self.place() };
            return Err(Error::corrupt("Y4M sample", format!("at most {max}"), samples[at], place));
        }
        Ok(samples)
    }
}

impl<R: Read + Send> FrameSource for Y4mReader<R> {
    fn info(&self) -> &VideoInfo {
        &self.header.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        if self.at_end {
            return Ok(None);
        }
        let frame = self.read_frame();
        self.at_end = !matches!(frame, Ok(Some(_)));
        frame
    }
}

/// What the first line says.
#[derive(Debug)]
struct Header {
    info: VideoInfo,
    /// Whether the stream has no chroma planes.
    luma_only: bool,
}

impl Header {
    fn parse(line: &[u8]) -> Result<Self> {
        let start = Place::at_offset(0);
        let fields = line
            .strip_prefix(b"YUV4MPEG2")
            .filter(|rest| rest.is_empty() || rest.starts_with(b" "))
            .ok_or_else(|| Error::corrupt("Y4M header", "YUV4MPEG2", quoted(line), start))?;
        let (mut width, mut height, mut rate, mut aspect) = (None, None, None, None);
        let mut chroma = parse_chroma("420")?;
        let mut range = ColorRange::Unspecified;
        let mut offset = (line.len() - fields.len()) as u64;
        for field in fields.split(|&byte| byte == b' ') {
            let place = Place::at_offset(offset);
            offset += field.len() as u64 + 1;
            let Some((&key, value)) = field.split_first() else { continue };
            let text = std::str::from_utf8(value)
                .map_err(|_| Error::corrupt("Y4M header field", "ASCII", quoted(field), place))?;
            match key {
                b'W' => width = Some(parse_side("Y4M width", text, place)?),
                b'H' => height = Some(parse_side("Y4M height", text, place)?),
                b'F' => rate = Some(parse_ratio("Y4M frame rate", text, place)?),
                b'A' => aspect = parse_ratio("Y4M pixel aspect", text, place)?,
                b'C' => chroma = parse_chroma(text)?,
                b'I' if !matches!(text, "p" | "?") => return Err(interlaced(text)),
                b'X' if text.eq_ignore_ascii_case("COLORRANGE=FULL") => range = ColorRange::Full,
                b'X' if text.eq_ignore_ascii_case("COLORRANGE=LIMITED") => range = ColorRange::Limited,
                _ => {}
            }
        }
        let absent = |name| Error::corrupt("Y4M header", format!("field {name}"), quoted(line), start);
        let (width, height) = (width.ok_or_else(|| absent("W"))?, height.ok_or_else(|| absent("H"))?);
        let rate = rate.ok_or_else(|| absent("F"))?.unwrap_or(Rational { num: 25, den: 1 });
        let Chroma { format, location, luma_only } = chroma;
        let mut info = VideoInfo::new(width, height, format, rate);
        info.pixel_aspect = aspect.unwrap_or(info.pixel_aspect);
        info.color.range = range;
        info.color.chroma_location = location;
        Ok(Self { info, luma_only })
    }
}

fn parse_side(what: &'static str, text: &str, place: Place) -> Result<usize> {
    match text.parse() {
        Ok(0) | Err(_) => Err(Error::corrupt(what, "a number from 1", quoted(text.as_bytes()), place)),
        // The other side is checked on its own.
        Ok(side) => check_size(side, 1).map(|()| side).map_err(|error| error.within(place)),
    }
}

/// A fraction `n:d`; `None` for `0:0`, which stands for unknown.
fn parse_ratio(what: &'static str, text: &str, place: Place) -> Result<Option<Rational>> {
    let parts = text.split_once(':').and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
    match parts {
        Some((0, 0)) => Ok(None),
        Some((num, den)) if num > 0 && den > 0 => Rational::new(num, den).map(Some),
        _ => Err(Error::corrupt(
            what,
            "a positive fraction such as 30000:1001",
            quoted(text.as_bytes()),
            place,
        )),
    }
}

/// What the `C` field says.
struct Chroma {
    format: PixelFormat,
    location: ChromaLocation,
    luma_only: bool,
}

fn parse_chroma(tag: &str) -> Result<Chroma> {
    use {BitDepth::*, Layout::*};
    let (layout, depth, location) = match tag {
        "420" | "mono" => (Yuv420, Eight, ChromaLocation::Unspecified),
        "420jpeg" => (Yuv420, Eight, ChromaLocation::Center),
        "420mpeg2" => (Yuv420, Eight, ChromaLocation::Left),
        "420paldv" => (Yuv420, Eight, ChromaLocation::TopLeft),
        "422" => (Yuv422, Eight, ChromaLocation::Unspecified),
        "444" => (Yuv444, Eight, ChromaLocation::Unspecified),
        "420p10" | "mono10" => (Yuv420, Ten, ChromaLocation::Unspecified),
        "422p10" => (Yuv422, Ten, ChromaLocation::Unspecified),
        "444p10" => (Yuv444, Ten, ChromaLocation::Unspecified),
        _ => {
            return Err(Error::Unsupported {
                what: format!("Y4M chroma format {}", quoted(tag.as_bytes())),
                remedy: "convert to 4:2:0, 4:2:2 or 4:4:4 at 8 or 10 bits first, such as with ffmpeg -pix_fmt yuv420p"
                    .into(),
            });
        }
    };
    Ok(Chroma { format: PixelFormat { layout, depth }, location, luma_only: tag.starts_with("mono") })
}

fn interlaced(mode: &str) -> Error {
    Error::Unsupported {
        what: format!("interlaced Y4M (I{})", mode.escape_debug()),
        remedy: "deinterlace first, such as with ffmpeg -vf bwdif".into(),
    }
}

fn out_of_memory(bytes: usize) -> Error {
    Error::OutOfMemory { what: "a Y4M plane", bytes: bytes as u64 }
}

/// The start of some bytes as text for a message.
fn quoted(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(40)];
    format!("\"{}\"", shown.escape_ascii())
}

/// A line without its end, or `None` at the end of the stream.
fn read_line(input: &mut impl BufRead, what: &'static str, place: Place) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.take(MAX_LINE).read_until(b'\n', &mut line)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 == MAX_LINE => {
            Err(Error::corrupt(what, format!("a line of less than {MAX_LINE} bytes"), "a longer one", place))
        }
        Some(_) => Err(Error::Truncated { what, place }),
    }
}

#[cfg(test)]
#[path = "y4m_tests.rs"]
mod tests;
