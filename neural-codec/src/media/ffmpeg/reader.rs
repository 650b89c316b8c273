//! Frames out of a video file: demuxed, decoded, turned upright, timed. Rank 3.

use std::fs::File;
use std::path::Path;

use ffmpeg_next::codec::context::Context as CodecContext;
use ffmpeg_next::codec::decoder::Opened;
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::media::Type;
use ffmpeg_next::{Dictionary, Packet, error, format, frame};

use super::super::timestamps::TimestampRepair;
use super::super::{AudioChoice, FrameSource, OnDamage, OpenOptions, container_length};
use super::audio::AudioReader;
use super::orientation::Orientation;
use super::samples::{self, SampleLayout};
use super::{initialize, native, positive, read_error};
use crate::bitstream::{AudioPacket, AudioTrack};
use crate::error::{Error, Place, Result};
use crate::frame::{Color, Frame, PixelFormat, Rational, VideoInfo, check_size};

/// Containers and raw streams that are opened. Others FFmpeg knows are left out on purpose: playlists, which open
/// other files and addresses, and formats so loose that they take any text for a video.
const DEMUXERS: &str = "mov,matroska,avi,h264,hevc,mpegts,mpeg,mpegvideo,m4v,ivf,obu,flv,asf,ogg,nut,mxf,mjpeg,gif,\
                        dv,wav,mp3,flac,aac,rm,rawvideo";
/// Bytes read from the file at a time.
const READ_BYTES: usize = 1 << 18;
/// Frame rate of a stream that does not say, in frames a second.
const DEFAULT_RATE: Rational = Rational { num: 25, den: 1 };
/// A gap between frames that is longer than this many seconds and than the clip is a clock set anew.
const LONGEST_GAP: f64 = 10.0;

/// What every decoded frame has to be like.
struct Expected {
    width: usize,
    height: usize,
    /// FFmpeg's number of the pixel format.
    number: i32,
    layout: SampleLayout,
    format: PixelFormat,
    color: Color,
}

/// Where timestamps come from.
enum Clock {
    /// Frames are counted.
    Constant,
    /// As in the file, repaired.
    File { repair: TimestampRepair, frame_duration: i64 },
}

/// Reads the best video stream of a file.
pub struct FfmpegReader {
    input: Input,
    decoder: Opened,
    stream: usize,
    info: VideoInfo,
    expected: Expected,
    orientation: Orientation,
    clock: Clock,
    audio: AudioReader,
    on_damage: OnDamage,
    declared_frames: Option<u64>,
    /// The first frame, which was decoded to find out what the clip is like.
    first: Option<frame::Video>,
    /// Frames given so far.
    given: u64,
    draining: bool,
    ended: bool,
}

impl FfmpegReader {
    /// Opens a file and decodes its first frame.
    ///
    /// Errors: `Io` where it cannot be read; `Truncated` where it is shorter than it says; `Corrupt` where FFmpeg
    /// cannot read it; `Unsupported` where this FFmpeg has no decoder; `InvalidArgument` where it has no video
    /// stream or no frames; `LimitExceeded` past [`MAX_SIDE`](crate::frame::MAX_SIDE).
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        initialize();
        let mut input = open_input(path, options.on_damage)?;
        let audio = match options.audio {
            AudioChoice::Keep => AudioReader::new(&input)?,
            AudioChoice::Discard => AudioReader::default(),
        };
        let stream = video_stream(&input, path)?;
        let index = stream.index();
        let decoder = open_decoder(&stream, options.threads)?;
        let rate = options.frame_rate.unwrap_or_else(|| frame_rate(&stream));
        let declared_frames = declared_frames(&input, &stream, rate);
        let time_base = positive(stream.time_base()).unwrap_or_else(|| rate.inverse());
        let (clock, time_base) = if options.frame_rate.is_some() || native::lacks_timestamps(&input) {
            (Clock::Constant, rate.inverse())
        } else {
            (file_clock(&input, time_base, rate), time_base)
        };
        let stream_orientation = Orientation::of_stream(&stream);
        native::discard_all_but(&mut input, |kept| kept == index || audio.has_stream(kept));

        // What is not known yet is filled in from the first frame.
        let mut decoding = Decoding { input, decoder, stream: index, audio, on_damage: options.on_damage, draining: false };
        let mut first = frame::Video::empty();
        if !decoding.next(&mut first, 0)? {
            return Err(Error::invalid("input file", "a clip with frames", format!("clip has no frames: {}", path.display())));
        }
        let expected = Expected::from_first(&first)?;
        let orientation = stream_orientation.unwrap_or_else(|| Orientation::of_frame(&first));
        let (width, height) = orientation.upright_size(expected.width, expected.height);
        let aspect = positive(first.aspect_ratio()).unwrap_or(Rational { num: 1, den: 1 });
        let info = VideoInfo {
            width,
            height,
            format: orientation.upright_format(expected.format),
            color: expected.color,
            frame_rate: rate,
            time_base,
            pixel_aspect: if orientation.swaps_sides() { aspect.inverse() } else { aspect },
        };
        let Decoding { input, decoder, audio, draining, .. } = decoding;
        todo!()
    }
}
