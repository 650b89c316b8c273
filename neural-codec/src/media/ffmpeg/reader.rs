//! Frames out of a video file: decoded, turned upright, timed.

use std::path::Path;

use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::frame;

use super::super::container_length::CutShort;
use super::super::retime::{ReplacedTimes, note_of_rate};
use super::super::timestamps::TimestampRepair;
use super::super::{FrameSource, Lost, OpenOptions};
use super::declared_crop::{ShownPart, declared_crop};
use super::decode::Decoding;
use super::demux::{because, is_moving, lacks_timestamps, open_decoder, open_input, video_stream};
use super::orientation::Orientation;
use super::picture_data::lost_of_pictures;
use super::picture_items::lost_of_items;
use super::sample_layout::SampleLayout;
use super::samples;
use super::track_reader::TrackReader;
use super::{initialize, native, positive};
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
use crate::error::{Error, Place, Result};
use crate::frame::{Color, ColorRange, Frame, PixelFormat, Rational, VideoInfo, check_size};

/// Clocks set anew that notes tell one by one; of more they tell how many.
const MOST_RESTARTS_TOLD: usize = 10;

/// Frame rate of a stream that does not say, in frames a second.
const DEFAULT_RATE: Rational = Rational { num: 25, den: 1 };

/// Reads the best video stream of a file.
pub struct FfmpegReader {
    decoding: Decoding,
    info: VideoInfo,
    expected: Expected,
    /// What is given of each picture, where it is not the whole.
    shown: Option<ShownPart>,
    orientation: Orientation,
    clock: Clock,
    declared_frames: Option<u64>,
    /// The frame decoded last; at the start the first, which was decoded to find out what the clip is like.
    current: frame::Video,
    is_first: bool,
    /// Frames given so far.
    given: u64,
    /// The first frame whose color is described otherwise, and how.
    color_change: Option<(u64, String)>,
    /// Whether nothing shows through the frames so far; a GIF's always have alpha.
    is_opaque: bool,
    /// The rate that was asked for, where it is not the file's.
    other_rate: Option<Rational>,
    /// The file's times, where a rate was asked for.
    replaced: Option<ReplacedTimes>,
    /// Whether the file has alpha beside what the decoder gives.
    has_hidden_alpha: bool,
    ended: bool,
}

impl FfmpegReader {
    /// Opens a file and decodes its first frame.
    ///
    /// # Errors
    ///
    /// `Io` where it cannot be read; `Truncated` where it is shorter than it says; `Corrupt` where FFmpeg
    /// cannot read it; `Unsupported` where this FFmpeg has no decoder; `InvalidArgument` where it has no video
    /// stream or no frames; `LimitExceeded` past [`MAX_SIDE`](crate::frame::MAX_SIDE).
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        initialize();
        let (input, cut_short) = open_input(path, options.on_damage)?;
        Self::of(input, cut_short, path, options).map_err(|error| because(cut_short, error))
    }

    fn of(mut input: Input, cut_short: Option<CutShort>, path: &Path, options: &OpenOptions) -> Result<Self> {
        let stream = video_stream(&input, &path.display().to_string())?;
        let index = stream.index();
        let mut tracks = TrackReader::new(&input, index, options)?;
        let has_hidden_alpha = take_alpha_mode(tracks.tracks_mut());
        native::read_hdr(&stream, tracks.tracks_mut());
        let decoder = open_decoder(&stream, options.threads)?;
        native::discard_all_but(&mut input, |kept| kept == index || tracks.has_stream(kept));
        let mut decoding = Decoding::new(input, decoder, index, tracks, options);
        decoding.set_cut_short(cut_short);

        let mut first = frame::Video::empty();
        if !decoding.next(&mut first, 0)? {
            let found = format!("clip has no frames: {}", path.display());
            return Err(Error::invalid("input file", "a clip with frames", found));
        }
        let expected = Expected::from_first(&first)?;
        let no_stream = || Error::internal("FFmpeg", "the video stream is gone");
        let stream = decoding.input().stream(index).ok_or_else(no_stream)?;
        let orientation = Orientation::of(&stream, &first)?;
        let size = (expected.width, expected.height);
        let nth = decoding.input().streams().take(index).filter(is_moving).count();
        let mut file = std::fs::File::open(path).ok();
        let declared = file.as_mut().and_then(|file| declared_crop(file, nth));
        let shown = declared.and_then(|declared| ShownPart::new(&declared, size, expected.format));
        let rate = options.frame_rate.unwrap_or_else(|| frame_rate(&stream));
        let other_rate = options.frame_rate.filter(|&asked| asked != frame_rate(&stream));
        let (clock, time_base) = match positive(stream.time_base()) {
            Some(time_base) if options.frame_rate.is_none() && !lacks_timestamps(decoding.input()) => {
                (Clock::of_file(&first, time_base, rate), time_base)
            }
            _ => (Clock::Constant, rate.inverse()),
        };
        let stream_base = positive(stream.time_base());
        let declared_frames = declared_frames(decoding.input(), &stream, rate);
        let aspect = positive(native::declared_aspect(&stream)).or_else(|| positive(first.aspect_ratio()));
        let aspect = aspect.unwrap_or(Rational { num: 1, den: 1 });
        let ((width, height), aspect) = match &shown {
            Some(shown) => ((shown.width, shown.height), shown.aspect(aspect, size)),
            None => (size, aspect),
        };
        let (width, height, pixel_aspect) = match orientation.swaps_sides() {
            false => (width, height, aspect),
            true => (height, width, aspect.inverse()),
        };
        let info = VideoInfo {
            width,
            height,
            format: expected.format,
            color: expected.color,
            frame_rate: rate,
            time_base,
            pixel_aspect,
        };
        if let (Some(start), Some(stream_base)) = (first.timestamp(), stream_base) {
            decoding.tracks_mut().start_at(start, stream_base);
        }
        native::read_frame_hdr(&first, decoding.tracks_mut().tracks_mut());
        let lost =
            decoding.input().stream(index).map(|stream| lost_of_pictures(&stream, &first)).transpose()?;
        let is_upright = orientation == Orientation::default();
        let of_items = file.as_mut().map(|file| lost_of_items(file, is_upright));
        for (what, why) in
            lost.unwrap_or_default().into_iter().chain(of_items.transpose()?.unwrap_or_default())
        {
            decoding.tracks_mut().lose(what, why.into());
        }
        let replaced = options.frame_rate.filter(|_| !lacks_timestamps(decoding.input())).zip(stream_base);
        let replaced = replaced.map(|(rate, base)| ReplacedTimes::new(rate, base));
        let (is_first, given, ended) = (true, 0, false);
        let is_opaque = samples::is_opaque(&first, &expected.layout);
        Ok(Self {
            decoding,
            info,
            expected,
            shown,
            orientation,
            clock,
            declared_frames,
            current: first,
            is_first,
            given,
            color_change: None,
            is_opaque,
            other_rate,
            replaced,
            has_hidden_alpha,
            ended,
        })
    }

    /// How many timestamps were missing, repeated, went backwards or jumped, and were replaced, so far.
    pub fn repaired_timestamps(&self) -> u64 {
        match &self.clock {
            Clock::Constant => 0,
            Clock::File { repair, .. } => repair.repaired(),
        }
    }

    /// How many damaged frames were kept so far, where [`SourceDamage::Keep`](crate::media::SourceDamage::Keep) asks for it.
    pub fn damaged_frames(&self) -> u64 {
        self.decoding.damaged()
    }

    fn read_next(&mut self) -> Result<Option<Frame>> {
        if !std::mem::take(&mut self.is_first) && !self.decoding.next(&mut self.current, self.given)? {
            return Ok(None);
        }
        let place = Place::at_frame(self.given);
        self.expected.check(&self.current, place)?;
        let found = sane_color(native::color(&self.current), &self.expected.layout).0;
        if self.color_change.is_none()
            && (found.range, found.matrix) != (self.expected.color.range, self.expected.color.matrix)
        {
            self.color_change =
                Some((self.given, format!("{:?} range, matrix {}", found.range, found.matrix)));
        }
        let Expected { layout, format, color, .. } = &self.expected;
        self.is_opaque = self.is_opaque && samples::is_opaque(&self.current, layout);
        let picture = samples::read(&self.current, layout, *format, *color).map_err(|e| e.within(place))?;
        let picture = match &self.shown {
            Some(shown) => shown.of(&picture)?,
            None => picture,
        };
        if let (Some(replaced), Some(time)) = (&mut self.replaced, self.current.timestamp()) {
            replaced.push(time);
        }
        let timestamp = self.clock.next(&self.current, self.given);
        self.given += 1;
        Ok(Some(self.orientation.apply(picture)?.with_timestamp(timestamp)))
    }
}

impl FrameSource for FfmpegReader {
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
        self.declared_frames
    }

    fn tracks(&self) -> &Tracks {
        self.decoding.tracks().tracks()
    }

    fn lost(&self) -> Vec<Lost> {
        let mut lost = self.decoding.tracks().lost().to_vec();
        lost.extend(self.expected.layout.lost(self.is_opaque));
        if self.has_hidden_alpha && !self.expected.layout.has_alpha {
            lost.push(Lost::new("alpha", "the source has alpha in a layer of its own, which is left out"));
        }
        lost.extend(self.decoding.lost(self.info.time_base));
        lost
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(self.other_rate.and_then(|rate| note_of_rate(rate, self.tracks())));
        notes.extend(self.replaced.as_ref().and_then(ReplacedTimes::note));
        if let Clock::File { start, .. } = self.clock
            && let seconds = start as f64 * self.info.time_base.value()
            && seconds.abs() >= 0.0005
        {
            notes.push(format!(
                "The source's first picture is at {seconds:.3} s of its clock; times count from there."
            ));
        }
        let restarts = self.decoding.restarted_at();
        for &time in restarts.iter().take(MOST_RESTARTS_TOLD) {
            let seconds = time as f64 / 1e9;
            notes.push(format!(
                "The source's clock was set anew at {seconds:.3} s; all tracks go on from there."
            ));
        }
        if restarts.len() > MOST_RESTARTS_TOLD {
            let more = restarts.len() - MOST_RESTARTS_TOLD;
            notes.push(format!("The source's clock was set anew {more} more times."));
        }
        if let Some(shown) = &self.shown {
            let Expected { width, height, .. } = self.expected;
            notes.push(format!(
                "The source's container has {}x{} of its {width}x{height} pixels shown; those are coded.",
                shown.width, shown.height
            ));
        }
        notes.extend(self.expected.note.clone());
        if let Some((frame, found)) = &self.color_change {
            notes.push(format!("The source says of its color from frame {frame} on: {found}; it is coded under the first description."));
        }
        let repaired = self.repaired_timestamps();
        if repaired > 0 {
            notes.push(format!(
                "{repaired} timestamps of pictures were missing or did not rise, and were mended."
            ));
        }
        notes
    }

    fn last_duration(&self) -> Option<u64> {
        match self.clock {
            Clock::Constant => None,
            Clock::File { .. } => self.decoding.last_duration(),
        }
    }

    fn take_audio(&mut self) -> Vec<AudioPacket> {
        self.decoding.tracks_mut().take_audio()
    }

    fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        self.decoding.tracks_mut().take_subtitles()
    }
}

/// Takes out the tag by which WebM says that its blocks have alpha beside them; whether it was there.
fn take_alpha_mode(tracks: &mut Tracks) -> bool {
    let before = tracks.video_tags.len();
    tracks.video_tags.retain(|(name, value)| !name.eq_ignore_ascii_case("alpha_mode") || value == "0");
    tracks.video_tags.len() < before
}

/// What every decoded frame has to be like: as the first.
struct Expected {
    width: usize,
    height: usize,
    /// FFmpeg's number of the pixel format.
    number: i32,
    layout: SampleLayout,
    format: PixelFormat,
    color: Color,
    /// What was wrong with the color's description.
    note: Option<String>,
}

impl Expected {
    fn from_first(frame: &frame::Video) -> Result<Self> {
        let (width, height, number) = native::shape(frame);
        check_size(width, height)?;
        let layout =
            native::sample_layout(number).ok_or_else(|| Error::internal("FFmpeg", "unknown pixel format"))?;
        let format = layout.target()?;
        let (color, note) = sane_color(native::color(frame), &layout);
        Ok(Self { width, height, number, layout, format, color, note })
    }

    fn check(&self, frame: &frame::Video, place: Place) -> Result<()> {
        let (width, height, number) = native::shape(frame);
        if (width, height) != (self.width, self.height) {
            let expected = format!("{}x{} throughout the clip", self.width, self.height);
            return Err(Error::corrupt("frame size", expected, format!("{width}x{height}"), place));
        }
        if number != self.number {
            let found =
                native::sample_layout(number).map_or_else(|| "an unknown one".into(), |layout| layout.name);
            let expected = format!("{} throughout the clip", self.layout.name);
            return Err(Error::corrupt("pixel format", expected, found, place));
        }
        Ok(())
    }
}

/// A description of color that the samples can have: gray is of full range unless it says otherwise, as FFmpeg takes it, and
/// code points that are reserved, or RGB's matrix on samples that are not RGB, say nothing.
fn sane_color(found: Color, layout: &SampleLayout) -> (Color, Option<String>) {
    let mut color = found;
    if layout.components.len() == 1 && !layout.has_palette && color.range == ColorRange::Unspecified {
        color.range = ColorRange::Full;
    }
    let is_reserved = |code: u8| matches!(code, 0 | 3) || code > 22;
    if is_reserved(color.matrix) && !(color.matrix == Color::IDENTITY && layout.is_rgb) {
        color.matrix = Color::UNSPECIFIED;
    }
    if is_reserved(color.primaries) {
        color.primaries = Color::UNSPECIFIED;
    }
    if is_reserved(color.transfer) {
        color.transfer = Color::UNSPECIFIED;
    }
    let codes = |color: Color| (color.primaries, color.transfer, color.matrix);
    let note = (codes(color) != codes(found)).then(|| {
        let (primaries, transfer, matrix) = codes(found);
        format!(
            "The source's color description (primaries {primaries}, transfer {transfer}, matrix {matrix} of H.273) cannot be that of \
             {}; what is wrong in it is read as not said.",
            layout.name
        )
    });
    (color, note)
}

/// Where timestamps come from.
enum Clock {
    /// Frames are counted.
    Constant,
    /// As in the file, counted from the first frame's.
    File { repair: TimestampRepair, start: i64, frame_duration: i64 },
}

impl Clock {
    fn of_file(first: &frame::Video, time_base: Rational, rate: Rational) -> Self {
        let frame_duration = (1.0 / rate.value() / time_base.value()).round().max(1.0) as i64;
        Self::File {
            repair: TimestampRepair::rising(),
            start: first.timestamp().unwrap_or(0),
            frame_duration,
        }
    }

    fn next(&mut self, frame: &frame::Video, index: u64) -> i64 {
        match self {
            Self::Constant => i64::try_from(index).unwrap_or(i64::MAX),
            Self::File { repair, start, frame_duration } => {
                let time = frame.timestamp().and_then(|time| time.checked_sub(*start));
                repair.next(time, *frame_duration)
            }
        }
    }
}

/// The mean rate as FFmpeg found it, or the nominal one where the two agree but for rounding; else 25 a second.
///
/// The nominal rate is the lowest whose ticks meet every timestamp, so a mean above it is a miscount (AVI files with
/// empty packets between the frames have one) and the nominal rate is taken.
pub(super) fn frame_rate(stream: &Stream<'_>) -> Rational {
    let sane = |rate: &Rational| (0.001..=1000.0).contains(&rate.value());
    let mean = positive(stream.avg_frame_rate()).filter(sane);
    let nominal = positive(stream.rate()).filter(sane);
    match (mean, nominal) {
        // 30 and 30000/1001 differ by twice this much.
        (Some(mean), Some(nominal)) if mean.value() / nominal.value() > 0.9995 => nominal,
        (Some(rate), _) | (None, Some(rate)) => rate,
        (None, None) => DEFAULT_RATE,
    }
}

fn declared_frames(input: &Input, stream: &Stream<'_>, rate: Rational) -> Option<u64> {
    let seconds = match (stream.duration(), positive(stream.time_base())) {
        (duration @ 1.., Some(time_base)) => duration as f64 * time_base.value(),
        _ => input.duration() as f64 / 1e6,
    };
    let from_duration = (seconds * rate.value()).round();
    match u64::try_from(stream.frames()) {
        Ok(frames @ 1..) => Some(frames),
        _ => (1.0..1e12).contains(&from_duration).then_some(from_duration as u64),
    }
}
