//! Picture files in and out: one picture or a numbered sequence as a clip. Cargo feature `images`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader};

use super::atomic_folder::AtomicFolder;
use super::frame_sink::{EvenTimes, lost_but_pictures};
use super::jpeg_damage::damage_of;
use super::picture_file::{limits, picture_error};
use super::{AtomicFile, FrameSink, FrameSource, SequencePattern, pages, photo};
use crate::bitstream::{AudioPacket, Tracks};
use crate::error::{Error, Place, Result};
use crate::frame::{
    BitDepth, Frame, Layout, PixelFormat, Rational, VideoInfo, convert, from_rgb8_interleaved,
    from_rgb10_interleaved, rgb8_interleaved, rgb10_interleaved,
};
use crate::lost::Lost;

/// What sequences are called where they lack something.
const FILES: &str = "sequences of PNG files";
/// Pictures a second where the caller names no rate.
const DEFAULT_RATE: Rational = Rational { num: 25, den: 1 };

/// Reads PNG, JPEG, BMP and TIFF pictures as RGB frames of full range, turned upright. The pages of a single TIFF file are a clip.
///
/// Alpha is dropped, gray becomes equal red, green and blue; 16 bits become 10, rounded to nearest. Color profiles are
/// not applied; primaries and transfer stay unspecified.
pub struct PictureReader {
    files: Vec<(PathBuf, Option<u32>)>,
    info: VideoInfo,
    first: Option<Frame>,
    given: usize,
    ended: bool,
    /// How many pictures are damaged, and what the first one is.
    damaged: Option<(u64, Lost)>,
    /// What of them a clip has no place for, each kind once.
    beside: Vec<Lost>,
}

impl PictureReader {
    /// Reads the first of `files`, which become a clip in the order given.
    ///
    /// # Errors
    ///
    /// `Io`, `Corrupt`, `LimitExceeded`; `InvalidArgument` where `files` is empty.
    pub fn open(files: Vec<PathBuf>, frame_rate: Option<Rational>) -> Result<Self> {
        let pages = match files.as_slice() {
            [file] => pages::of(file)?,
            _ => Vec::new(),
        };
        let files: Vec<(PathBuf, Option<u32>)> = match (files.as_slice(), pages.len()) {
            ([file], 2..) => pages.into_iter().map(|page| (file.clone(), Some(page))).collect(),
            _ => files.into_iter().map(|file| (file, None)).collect(),
        };
        let (path, page) = files.first().ok_or_else(|| Error::invalid("pictures", "at least one", "none"))?;
        let (first, mut beside) = read_picture(path, *page)?;
        beside.extend(photo::lost_beside(path)?);
        let mut info =
            VideoInfo::new(first.width(), first.height(), first.format(), frame_rate.unwrap_or(DEFAULT_RATE));
        info.color = first.color();
        Ok(Self { files, info, first: Some(first), given: 0, ended: false, damaged: None, beside })
    }

    fn read_next(&mut self) -> Result<Option<Frame>> {
        let Some((path, page)) = self.files.get(self.given) else { return Ok(None) };
        let frame = match self.first.take() {
            Some(frame) => frame,
            None => {
                let (frame, beside) = read_picture(path, *page)?;
                for lost in beside {
                    if self.beside.iter().all(|known| known.what != lost.what) {
                        self.beside.push(lost);
                    }
                }
                frame
            }
        };
        let damage = damage_of(path)?;
        if let Some(damage) = damage {
            let named = Lost { why: format!("{}: {}", path.display(), damage.why), ..damage };
            self.damaged.get_or_insert((0, named)).0 += 1;
        }
        let place = Place::at_frame(self.given as u64);
        let (width, height, format) = (self.info.width, self.info.height, self.info.format);
        if (frame.width(), frame.height(), frame.format()) != (width, height, format) {
            let found = format!("{}x{} {}", frame.width(), frame.height(), frame.format());
            let expected = format!("{width}x{height} {format} throughout the clip");
            return Err(Error::corrupt("picture", expected, format!("{found} in {}", path.display()), place));
        }
        let timestamp = self.given as i64;
        self.given += 1;
        Ok(Some(frame.with_timestamp(timestamp)))
    }
}

impl FrameSource for PictureReader {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        if self.ended {
            return Ok(None);
        }
        let frame = self.read_next();
        self.ended = !matches!(frame, Ok(Some(_)));
        frame
    }

    fn declared_frame_count(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }

    fn lost(&self) -> Vec<Lost> {
        let named = |(count, first): &(u64, Lost)| {
            let others = if *count > 1 { format!("; {count} pictures are damaged") } else { String::new() };
            Lost { why: format!("{}{others}", first.why), ..first.clone() }
        };
        self.beside.iter().cloned().chain(self.damaged.iter().map(named)).collect()
    }
}

/// A picture as a frame, and what of it a clip has no place for.
fn read_picture(path: &Path, page: Option<u32>) -> Result<(Frame, Vec<Lost>)> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    match page {
        Some(page) => decode(path, pages::alone(file, page).map_err(|e| Error::io(path, e))?),
        None => decode(path, BufReader::new(file)),
    }
}

fn decode(path: &Path, file: impl BufRead + Seek) -> Result<(Frame, Vec<Lost>)> {
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(|e| Error::io(path, e))?;
    reader.limits(limits());
    let failed = |error| picture_error(path, error);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let orientation = decoder.orientation().map_err(failed)?;
    let tags = [
        ("profile", decoder.icc_profile().map_err(failed)?),
        ("exif", decoder.exif_metadata().map_err(failed)?),
        ("xmp", decoder.xmp_metadata().map_err(failed)?),
    ];
    let tags = tags.into_iter().filter(|(_, bytes)| bytes.as_ref().is_some_and(|bytes| !bytes.is_empty()));
    let mut lost: Vec<Lost> =
        tags.map(|(what, _)| Lost::new(what, "a clip has no place for what single pictures have")).collect();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    if photo::alpha_of(&picture)?.is_some_and(|alpha| !alpha.is_opaque()) {
        lost.push(Lost::new("alpha", "the pictures are not opaque everywhere; none is coded"));
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let is_deep = picture.color().bytes_per_pixel() / picture.color().channel_count() > 1;
    if !is_deep {
        return Ok((from_rgb8_interleaved(&picture.into_rgb8(), width, height)?, lost));
    }
    lost.push(photo::lost_bits());
    let samples: Vec<u16> = picture.into_rgb16().iter().map(|&v| photo::ten_bits(v)).collect();
    Ok((from_rgb10_interleaved(&samples, width, height)?, lost))
}

/// Writes frames as numbered PNG files from 0: RGB of 8 bits, or of 16 for frames of 10.
///
/// YUV is converted; what a frame leaves unsaid about its color is assumed as
/// [`resolve_for_conversion`](crate::frame::Color::resolve_for_conversion) says. 10 bits are stretched to 16 so that white
/// stays white, and come back the same when read. A folder that is not there is made, and appears whole or not at all; into one
/// that is there the files move together at the end, in place of earlier ones of the same numbers.
pub struct PngWriter {
    pattern: SequencePattern,
    folder: AtomicFolder,
    info: VideoInfo,
    written: u64,
    times: EvenTimes,
    lost: Vec<Lost>,
}

impl PngWriter {
    /// Starts a sequence.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the pattern names no PNG files; `Io` where the folder cannot be written.
    pub fn create(pattern: SequencePattern, info: &VideoInfo, tracks: &Tracks) -> Result<Self> {
        let name = pattern.file(0);
        if !name.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
            return Err(Error::Unsupported {
                what: format!("writing pictures such as {}", name.display()),
                remedy: "use the ending .png".into(),
            });
        }
        let folder = AtomicFolder::create(pattern.folder())?;
        let lost = lost_but_pictures(info, tracks, FILES);
        Ok(Self { pattern, folder, info: *info, written: 0, times: EvenTimes::new(info), lost })
    }
}

impl FrameSink for PngWriter {
    fn write_frame(&mut self, frame: &Frame) -> Result<()> {
        let (width, height) = (self.info.width, self.info.height);
        if (frame.width(), frame.height()) != (width, height) {
            let found = format!("{}x{}", frame.width(), frame.height());
            return Err(Error::invalid("frame", format!("{width}x{height}"), found));
        }
        self.lost.extend(self.times.next(frame.timestamp, FILES));
        write_png(&self.folder.path().join(self.pattern.name(self.written)), frame)?;
        self.written += 1;
        Ok(())
    }

    fn write_audio(&mut self, _: &AudioPacket) -> Result<()> {
        Ok(())
    }

    fn lost(&self) -> &[Lost] {
        &self.lost
    }

    fn finish(self: Box<Self>, _last_duration: Option<u64>) -> Result<()> {
        match self.written {
            0 => Err(Error::WrongOrder { call: "finish", reason: "no frame was written".into() }),
            written => self.folder.commit((0..written).map(|number| self.pattern.name(number).into())),
        }
    }
}

/// Writes one frame as a PNG file (see [`PngWriter`]).
pub fn write_png(path: &Path, frame: &Frame) -> Result<()> {
    let target = PixelFormat { layout: Layout::Rgb, depth: frame.format().depth };
    let color = frame.color().resolve_for_conversion(frame.format().layout, frame.width(), frame.height());
    let rgb = convert(frame, target, color)?;
    let (bytes, kind) = match target.depth {
        BitDepth::Eight => (rgb8_interleaved(&rgb)?, ExtendedColorType::Rgb8),
        BitDepth::Ten => {
            let to_sixteen = |v: u16| ((u32::from(v) * 65535 + 511) / 1023) as u16;
            // The encoder takes native words and writes them in the order of PNG.
            let words = rgb10_interleaved(&rgb)?.into_iter().map(|v| to_sixteen(v).to_ne_bytes());
            (words.flatten().collect(), ExtendedColorType::Rgb16)
        }
    };
    let mut file = AtomicFile::create(path)?;
    let mut buffered = BufWriter::new(&mut file);
    PngEncoder::new_with_quality(&mut buffered, CompressionType::Fast, FilterType::Adaptive)
        .write_image(&bytes, rgb.width() as u32, rgb.height() as u32, kind)
        .map_err(|error| match error {
            image::ImageError::IoError(source) => Error::io(path, source),
            error => Error::internal("image", error),
        })?;
    buffered.flush().map_err(|e| Error::io(path, e))?;
    drop(buffered);
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, Planes};
    use crate::media::{OpenOptions, create, open};

    fn colorful(width: usize, height: usize, format: PixelFormat) -> Frame {
        let mut frame = Frame::new(width, height, format, Color::default().as_rgb()).unwrap();
        let max = u32::from(format.depth.max_value());
        let value = |plane: usize, at: usize| (at as u32 * 37 + plane as u32 * 91) % (max + 1);
        match frame.planes_mut() {
            Planes::U8(p) => (0..3).for_each(|i| {
                p[i].samples_mut().iter_mut().enumerate().for_each(|(at, v)| *v = value(i, at) as u8)
            }),
            Planes::U16(p) => (0..3).for_each(|i| {
                p[i].samples_mut().iter_mut().enumerate().for_each(|(at, v)| *v = value(i, at) as u16)
            }),
        }
        frame
    }

    #[test]
    fn a_png_sequence_keeps_rgb_of_either_depth() {
        for depth in [BitDepth::Eight, BitDepth::Ten] {
            let folder = tempfile::tempdir().unwrap();
            let pattern = folder.path().join("frame_%04d.png");
            let frame = colorful(37, 29, PixelFormat { layout: Layout::Rgb, depth });
            let info = VideoInfo::new(37, 29, frame.format(), DEFAULT_RATE);
            let mut sink = create(&pattern, &info, &crate::bitstream::Tracks::NONE).unwrap();
            (0..3).for_each(|t| sink.write_frame(&frame.clone().with_timestamp(t)).unwrap());
            assert!(!folder.path().join("frame_0000.png").exists());
            sink.finish(None).unwrap();
            for path in [pattern.as_path(), folder.path()] {
                let mut source = open(path, &OpenOptions::default()).unwrap();
                assert_eq!(source.declared_frame_count(), Some(3));
                for timestamp in 0..3 {
                    let found = source.next_frame().unwrap().unwrap();
                    assert_eq!(found, frame.clone().with_timestamp(timestamp));
                }
                assert!(source.next_frame().unwrap().is_none());
            }
        }
    }

    #[test]
    fn yuv_is_converted_on_the_way_to_png() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gray.png");
        let mut frame = Frame::new(6, 4, PixelFormat::YUV420_8, Color::default()).unwrap();
        let Planes::U8(planes) = frame.planes_mut() else { panic!() };
        planes[0].samples_mut().fill(235);
        planes[1].samples_mut().fill(128);
        planes[2].samples_mut().fill(128);
        write_png(&path, &frame).unwrap();
        let white = open(&path, &OpenOptions::default()).unwrap().next_frame().unwrap().unwrap();
        let Planes::U8(planes) = white.planes() else { panic!() };
        assert!(planes.iter().all(|p| p.samples().iter().all(|&v| v == 255)));
    }

    #[test]
    fn a_cut_picture_or_one_of_another_size_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = |n: u64| folder.path().join(format!("{n}.png"));
        write_png(&file(0), &colorful(32, 32, PixelFormat::RGB_8)).unwrap();
        write_png(&file(1), &colorful(32, 30, PixelFormat::RGB_8)).unwrap();
        let mut source = open(&folder.path().join("%d.png"), &OpenOptions::default()).unwrap();
        assert!(source.next_frame().unwrap().is_some());
        let error = source.next_frame().unwrap_err();
        assert!(error.to_string().contains("32x30") && error.place().frame == Some(1), "{error}");
        assert!(source.next_frame().unwrap().is_none());

        let bytes = std::fs::read(file(0)).unwrap();
        for cut in [9, 20, 40, bytes.len() / 2] {
            std::fs::write(file(9), &bytes[..cut]).unwrap();
            assert!(open(&file(9), &OpenOptions::default()).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_picture_past_the_limits_is_refused_before_it_is_decoded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.bmp");
        let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bytes.extend([60_000_i32, 60_000].map(i32::to_le_bytes).concat());
        bytes.extend([1, 0, 24, 0]);
        bytes.extend([0; 24]);
        std::fs::write(&path, bytes).unwrap();
        let error = open(&path, &OpenOptions::default()).map(drop).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { .. }), "{error}");
    }
}
