//! Decoded frames into a video file without loss, with the audio as it was.

use std::path::Path;

use ffmpeg_next::codec::Context;
use ffmpeg_next::encoder::video::Encoder;
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Error as Ffmpeg, Packet, Rational as Fraction, encoder, frame};

use super::super::frame_sink::lost_hdr;
use super::super::{Container, FrameSink, Lost};
use super::keeping::ContainerTracks;
use super::muxer::{Muxer, Timing, write_error};
use super::padding;
use super::{native_write, signed};
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Frame, Layout, PixelFormat, Planes, VideoInfo};

/// An encoder that keeps every sample, and how to ask it to.
struct Choice {
    encoder: &'static str,
    pixel: Pixel,
    options: &'static [(&'static str, &'static str)],
}

/// FFV1 version 3, every frame on its own, with checksums.
const FFV1: &[(&str, &str)] = &[("level", "3"), ("g", "1"), ("slices", "4"), ("slicecrc", "1")];
/// A constant quantizer of 0 is H.264's lossless mode.
const X264: &[(&str, &str)] = &[("qp", "0"), ("preset", "veryfast")];
const X265: &[(&str, &str)] = &[("preset", "veryfast"), ("x265-params", "lossless=1:log-level=none")];

/// What to write instead of a file whose ending says nothing.
const ENDINGS: &str = "use .mkv, .mp4, .mov or .y4m, or frame_%04d.png for pictures";

/// Writes frames losslessly: FFV1 in Matroska, H.264 or HEVC in MP4 and MOV.
pub struct LosslessWriter {
    muxer: Muxer,
    kept: ContainerTracks,
    encoder: Encoder,
    pixel: Pixel,
    info: VideoInfo,
    frame_duration: i64,
    /// Timestamp and duration of the last frame, once they are known.
    last_duration: Option<(i64, i64)>,
    /// The last frame, which may last longer than others, and its timestamp.
    waiting: Option<(i64, frame::Video)>,
    path: std::path::PathBuf,
    /// What came before the first frame; none once the file's header is written, which says when the earliest of it begins.
    early: Option<Early>,
}

/// Packets that wait for the header of the file.
#[derive(Default)]
struct Early {
    audio: Vec<AudioPacket>,
    subtitles: Vec<SubtitlePacket>,
}

impl LosslessWriter {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// See [`create`](super::super::create).
    pub fn create(path: &Path, info: &VideoInfo, tracks: &Tracks) -> Result<Self> {
        let container = Container::of(path, ENDINGS)?;
        let choice = choose(container, info.format)?;
        let mut kept = ContainerTracks::new(container, tracks)?;
        kept.lost.extend(lost_hdr(tracks, "lossless files"));
        let mut muxer = Muxer::create(path)?;
        let (time_base, rate) =
            (signed("time base", info.time_base)?, signed("frame rate", info.frame_rate)?);
        let encoder = open_encoder(&choice, info, time_base, rate, muxer.wants_global_header(), path)?;
        muxer.add_encoded(encoder.as_ref(), time_base, rate, info.pixel_aspect)?;
        muxer.add_padding(padding::has_to_be_added());
        muxer.add_tracks(&kept.tracks)?;
        let frame_duration = (1.0 / info.frame_rate.value() / info.time_base.value()).round().max(1.0) as i64;
        let (info, pixel, path) = (*info, choice.pixel, path.to_owned());
        Ok(Self {
            muxer,
            kept,
            encoder,
            pixel,
            info,
            frame_duration,
            last_duration: None,
            waiting: None,
            path,
            early: Some(Early::default()),
        })
    }

    /// Writes the header, and what waits for it.
    fn begin(&mut self) -> Result<()> {
        let Some(Early { audio, subtitles }) = self.early.take() else { return Ok(()) };
        let Tracks { audio: sounds, subtitles: texts, .. } = &self.kept.tracks;
        let of_sound = audio.iter().filter_map(|packet| {
            sounds.get(usize::from(packet.track)).and_then(|track| track.begins_before(packet))
        });
        let of_text = subtitles.iter().filter_map(|packet| {
            texts.get(usize::from(packet.track)).map(|track| track.begins_before(packet))
        });
        self.muxer.begin_at(of_sound.chain(of_text).min().unwrap_or(0));
        self.muxer.start()?;
        audio.iter().try_for_each(|packet| self.muxer.write_audio(packet))?;
        subtitles.iter().try_for_each(|packet| self.muxer.write_subtitle(packet))
    }

    /// Encodes the frame that waits.
    fn send_waiting(&mut self) -> Result<()> {
        let Some((_, picture)) = self.waiting.take() else { return Ok(()) };
        self.encoder.send_frame(&picture).map_err(|error| write_error(&self.path, error))?;
        self.drain()
    }

    /// Writes the packets that the encoder has ready.
    fn drain(&mut self) -> Result<()> {
        loop {
            let mut packet = Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {
                    let presentation = packet.pts().unwrap_or(0);
                    let is_last = self.last_duration.is_some_and(|(last, _)| last == presentation);
                    let duration = self.last_duration.filter(|_| is_last).map(|(_, duration)| duration);
                    let timing = Timing {
                        presentation,
                        decoding: packet.dts().unwrap_or(presentation),
                        duration: duration.unwrap_or(self.frame_duration),
                        is_key: packet.is_key(),
                    };
                    self.muxer.write(0, packet, &timing)?;
                }
                Err(Ffmpeg::Other { errno: EAGAIN } | Ffmpeg::Eof) => return Ok(()),
                Err(error) => return Err(write_error(&self.path, error)),
            }
        }
    }
}

impl FrameSink for LosslessWriter {
    fn write_frame(&mut self, frame: &Frame) -> Result<()> {
        let (found, expected) = (
            (frame.width(), frame.height(), frame.format()),
            (self.info.width, self.info.height, self.info.format),
        );
        if found != expected {
            let name = |(w, h, format): (usize, usize, PixelFormat)| format!("{w}x{h} {format}");
            return Err(Error::invalid("frame", name(expected), name(found)));
        }
        let last = self.waiting.as_ref().map(|(last, _)| *last);
        if let Some(last) = last.filter(|&last| last >= frame.timestamp) {
            return Err(Error::invalid("timestamp", format!("more than {last}"), frame.timestamp));
        }
        let mut picture = frame::Video::new(self.pixel, found.0 as u32, found.1 as u32);
        fill(&mut picture, frame)?;
        picture.set_pts(Some(frame.timestamp));
        self.begin()?;
        self.send_waiting()?;
        self.waiting = Some((frame.timestamp, picture));
        Ok(())
    }

    fn write_audio(&mut self, packet: &AudioPacket) -> Result<()> {
        match &mut self.early {
            Some(early) => {
                early.audio.push(packet.clone());
                Ok(())
            }
            None => self.muxer.write_audio(packet),
        }
    }

    fn lost(&self) -> &[Lost] {
        &self.kept.lost
    }

    fn write_subtitle(&mut self, packet: &SubtitlePacket) -> Result<()> {
        let Some(packet) = self.kept.subtitle(packet) else { return Ok(()) };
        match &mut self.early {
            Some(early) => {
                early.subtitles.push(packet);
                Ok(())
            }
            None => self.muxer.write_subtitle(&packet),
        }
    }

    fn finish(mut self: Box<Self>, last_duration: Option<u64>) -> Result<()> {
        let Some((last, _)) = self.waiting else {
            return Err(Error::WrongOrder { call: "finish", reason: "no frame was written".into() });
        };
        self.last_duration = last_duration.and_then(|duration| Some((last, i64::try_from(duration).ok()?)));
        self.send_waiting()?;
        self.encoder.send_eof().map_err(|error| write_error(&self.path, error))?;
        self.drain()?;
        self.muxer.finish()
    }
}

/// The lossless encoder for a format in a container.
///
/// # Errors
///
/// `Unsupported` where there is none.
fn choose(container: Container, format: PixelFormat) -> Result<Choice> {
    let pixel = match (format.layout, format.depth) {
        (Layout::Yuv420, BitDepth::Eight) => Pixel::YUV420P,
        (Layout::Yuv422, BitDepth::Eight) => Pixel::YUV422P,
        (Layout::Yuv444, BitDepth::Eight) => Pixel::YUV444P,
        (Layout::Yuv420, BitDepth::Ten) => Pixel::YUV420P10LE,
        (Layout::Yuv422, BitDepth::Ten) => Pixel::YUV422P10LE,
        (Layout::Yuv444, BitDepth::Ten) => Pixel::YUV444P10LE,
        // Neither FFV1 nor x264 takes planar RGB at 8 bits.
        (Layout::Rgb, BitDepth::Eight) => Pixel::BGRZ,
        (Layout::Rgb, BitDepth::Ten) => Pixel::GBRP10LE,
    };
    match (container, format.layout, format.depth) {
        (Container::Matroska, ..) => Ok(Choice { encoder: "ffv1", pixel, options: FFV1 }),
        (Container::Mp4 | Container::Mov, Layout::Rgb, BitDepth::Eight) => {
            Ok(Choice { encoder: "libx264rgb", pixel, options: X264 })
        }
        (Container::Mp4 | Container::Mov, Layout::Rgb, BitDepth::Ten) => {
            Ok(Choice { encoder: "libx265", pixel, options: X265 })
        }
        (Container::Mp4 | Container::Mov, ..) => Ok(Choice { encoder: "libx264", pixel, options: X264 }),
        _ => Err(Error::Unsupported {
            what: format!("lossless video in {}", container.ending()),
            remedy: "write an .mkv or .mp4 file".into(),
        }),
    }
}

fn open_encoder(
    choice: &Choice,
    info: &VideoInfo,
    time_base: Fraction,
    rate: Fraction,
    global_header: bool,
    path: &Path,
) -> Result<Encoder> {
    let unsupported = |reason: String| Error::Unsupported {
        what: format!("lossless {} with {} ({reason})", info.format, choice.encoder),
        remedy: "write an .mkv file, which needs FFV1 alone".into(),
    };
    let codec =
        encoder::find_by_name(choice.encoder).ok_or_else(|| unsupported("not in this FFmpeg".into()))?;
    let mut context = Context::new_with_codec(codec);
    native_write::set_encoder_color(&mut context, info.color);
    native_write::set_encoder_threads(&mut context, global_header);
    let mut video = context.encoder().video().map_err(|error| write_error(path, error))?;
    video.set_width(info.width as u32);
    video.set_height(info.height as u32);
    video.set_format(choice.pixel);
    video.set_time_base(time_base);
    video.set_frame_rate(Some(rate));
    video.set_aspect_ratio(signed("pixel aspect", info.pixel_aspect)?);
    let options = Dictionary::from_iter(choice.options.iter().copied());
    video.open_as_with(codec, options).map_err(|error| unsupported(error.to_string().to_lowercase()))
}

/// Copies a frame's samples into FFmpeg's frame of the same format.
fn fill(picture: &mut frame::Video, frame: &Frame) -> Result<()> {
    let lacking = || Error::OutOfMemory { what: "frame to encode", bytes: frame.byte_len() as u64 };
    // FFmpeg's planar RGB is in the order green, blue, red.
    let order = if frame.format().layout == Layout::Rgb { [2, 0, 1] } else { [0, 1, 2] };
    match frame.planes() {
        Planes::U8([red, green, blue]) if frame.format().layout == Layout::Rgb => {
            let stride = picture.stride(0);
            for (y, row) in picture.data_mut(0).chunks_mut(stride).take(frame.height()).enumerate() {
                let colors = blue.row(y).iter().zip(green.row(y)).zip(red.row(y));
                for (pixel, ((&b, &g), &r)) in row.as_chunks_mut().0.iter_mut().zip(colors) {
                    *pixel = [b, g, r, 0];
                }
            }
        }
        Planes::U8(planes) => {
            for (index, plane) in planes.iter().enumerate() {
                let stride = picture.stride(index);
                for (to, from) in picture.data_mut(index).chunks_mut(stride).zip(plane.rows()) {
                    to.get_mut(..from.len()).ok_or_else(lacking)?.copy_from_slice(from);
                }
            }
        }
        Planes::U16(planes) => {
            for (plane, index) in planes.iter().zip(order) {
                let stride = picture.stride(index);
                for (to, from) in picture.data_mut(index).chunks_mut(stride).zip(plane.rows()) {
                    for (to, from) in to.as_chunks_mut().0.iter_mut().zip(from) {
                        *to = from.to_le_bytes();
                    }
                }
            }
        }
    }
    Ok(())
}
