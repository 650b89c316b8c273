//! Packets into a container: the file beside, its tracks, its timestamps.

use std::io::Write;
use std::path::{Path, PathBuf};

use ffmpeg_next::codec::{Context, Parameters};
use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::{Dictionary, Packet, Rational as Fraction, format, packet};

use super::super::{AtomicFile, Container};
use super::{initialize, native_write, signed};
use crate::bitstream::{
    Attachment, AudioPacket, AudioTrack, Chapter, SubtitlePacket, SubtitleTrack, Tags, Tracks,
};
use crate::error::{Error, Place, Result};
use crate::frame::Rational;

/// Bytes written to the file at a time.
const WRITE_BYTES: usize = 1 << 18;
/// FFmpeg's disposition bit of a picture that belongs to the file.
const ATTACHED_PICTURE: u32 = 0x400;

/// A file that is being written: one video track, then sound, subtitles and attachments.
pub(super) struct Muxer {
    path: PathBuf,
    container: Container,
    // The output goes before the file it writes to.
    output: Output,
    /// None where bytes go to a pipe.
    file: Option<AtomicFile>,
    streams: Vec<StreamClock>,
    /// Index of the stream of each audio track and subtitle track.
    audio: Vec<usize>,
    subtitles: Vec<usize>,
    /// Nanoseconds by which everything is later, so that nothing begins before 0; none where FFmpeg finds out.
    delay: Option<i64>,
    adds_padding: bool,
    /// Of each audio track, whether packets of which nothing is heard are left out, since the container has no way to say so.
    drops_unheard: Vec<bool>,
    /// Pictures that are written as packets once the header stands.
    covers: Vec<(usize, Vec<u8>)>,
    /// Written with the header, once it is known by how much everything is later.
    chapters: Vec<Chapter>,
}

/// Timestamps of one stream.
struct StreamClock {
    /// Time base of packets as they are given, and of the container.
    given: Fraction,
    container: Fraction,
    /// What packets are written later by, in the time base they are given in.
    padding: i64,
    /// Decoding time of the last packet in the container's time base.
    last: Option<i64>,
}

/// How a packet is to be shown.
pub(super) struct Timing {
    pub(super) presentation: i64,
    pub(super) decoding: i64,
    pub(super) duration: i64,
    pub(super) is_key: bool,
}

impl Muxer {
    /// Starts a file in the container that the ending of `path` stands for.
    ///
    /// # Errors
    ///
    /// `Unsupported` for an ending that stands for none; `Io` where the folder cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self> {
        initialize();
        let container = Container::of(path, "use .mkv, .mp4, .mov or .webm")?;
        let file = AtomicFile::create(path)?;
        let stream = StreamIo::from_write_seek_with_capacity(file.handle()?, WRITE_BYTES);
        // The name by which FFmpeg reads the file again where it moves the index to the front.
        let name = file.path().to_str().map(|name| format!("file:{name}"));
        let output = stream
            .and_then(|stream| format::output_to_stream(stream, name.as_deref(), Some(container.name())));
        let output = output.map_err(|error| write_error(path, error))?;
        Ok(Self::of(path.to_owned(), container, output, Some(file)))
    }

    /// Starts a file whose bytes go to a sink that cannot seek.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a container that cannot be written so.
    pub(super) fn stream(sink: impl Write + Send + 'static, container: Container) -> Result<Self> {
        initialize();
        let path = PathBuf::from("-");
        let stream = StreamIo::from_write_with_capacity(sink, WRITE_BYTES);
        let output = stream.and_then(|stream| format::output_to_stream(stream, None, Some(container.name())));
        let output = output.map_err(|error| write_error(&path, error))?;
        Ok(Self::of(path, container, output, None))
    }

    fn of(path: PathBuf, container: Container, mut output: Output, file: Option<AtomicFile>) -> Self {
        native_write::make_reproducible(&mut output);
        let (streams, audio, subtitles, covers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            path,
            container,
            output,
            file,
            streams,
            audio,
            subtitles,
            delay: None,
            adds_padding: false,
            drops_unheard: Vec::new(),
            covers,
            chapters: Vec::new(),
        }
    }

    /// Says when the earliest packet of any track begins, in nanoseconds, samples before the sound left out. Matroska has no times
    /// before 0, and FFmpeg delays pictures by what belongs before the sound.
    pub(super) fn begin_at(&mut self, earliest: i64) {
        if !self.container.holds_negative_times() {
            self.delay = Some(earliest.saturating_neg().max(0));
        }
    }

    /// Whether encoders have to put their headers into the container and not into the frames.
    pub(super) fn wants_global_header(&self) -> bool {
        self.output.format().flags().contains(format::Flags::GLOBAL_HEADER)
    }

    /// Adds the video track as an encoder makes it.
    pub(super) fn add_encoded(
        &mut self,
        encoder: &Context,
        base: Fraction,
        rate: Fraction,
        aspect: Rational,
    ) -> Result<()> {
        let added = self.output.add_stream_with(encoder).map(|_| ());
        added.map_err(|error| write_error(&self.path, error))?;
        self.describe_video(base, rate, aspect)
    }

    /// Adds a video track of given parameters.
    pub(super) fn add_video(
        &mut self,
        parameters: Parameters,
        base: Fraction,
        rate: Fraction,
        aspect: Rational,
    ) -> Result<()> {
        self.add(parameters, base)?;
        self.streams.pop();
        self.describe_video(base, rate, aspect)
    }

    fn describe_video(&mut self, base: Fraction, rate: Fraction, aspect: Rational) -> Result<()> {
        let index = self.streams.len();
        native_write::clear_codec_tag(&mut self.output, index);
        native_write::set_pixel_aspect(&mut self.output, index, aspect);
        if let Some(mut stream) = self.output.stream_mut(index) {
            stream.set_time_base(base);
            stream.set_avg_frame_rate(rate);
        }
        self.streams.push(StreamClock { given: base, container: base, padding: 0, last: None });
        Ok(())
    }

    /// Adds a stream that nothing is known of but its codec.
    pub(super) fn add_bare(&mut self, parameters: Parameters, base: Fraction) -> Result<()> {
        self.add(parameters, base).map(drop)
    }

    /// Has sound written later by the samples before it, where the container's writer does not do so.
    pub(super) fn add_padding(&mut self, adds: bool) {
        self.adds_padding = adds && !self.container.holds_negative_times();
    }

    /// Adds everything beside the pictures, as far as [`unkept`](super::keeping::unkept) does not name it.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a codec of sound that FFmpeg or the container does not know.
    pub(super) fn add_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.describe(0, tracks.video_disposition, "", &tracks.video_tags);
        self.add_audio(&tracks.audio)?;
        for track in &tracks.subtitles {
            self.add_subtitle(track)?;
        }
        for attachment in &tracks.attachments {
            self.add_attachment(attachment)?;
        }
        if self.container.holds_chapters() {
            self.chapters.clone_from(&tracks.chapters);
        }
        let tags = tracks.tags.iter().filter(|(name, _)| self.container.holds_tag(name));
        let tags = tags.filter(|(name, value)| !name.contains('\0') && !value.contains('\0'));
        self.output.set_metadata(tags.map(|(name, value)| (name.as_str(), value.as_str())).collect());
        Ok(())
    }

    fn add_audio(&mut self, tracks: &[AudioTrack]) -> Result<()> {
        for track in tracks {
            let base = signed("audio time base", track.time_base)?;
            let index = self.add(native_write::audio_parameters(track)?, base)?;
            self.drops_unheard.push(self.container.forgets_edits() && track.codec != "opus");
            if self.adds_padding && track.codec == "opus" {
                let seconds = f64::from(track.details.initial_padding) / f64::from(track.sample_rate.max(1));
                // Padding is a few thousand samples.
                self.streams[index].padding = (seconds / track.time_base.value()).round() as i64;
            }
            self.describe(index, track.details.disposition, &track.language, &track.details.tags);
            self.audio.push(index);
        }
        Ok(())
    }

    fn add_subtitle(&mut self, track: &SubtitleTrack) -> Result<()> {
        let base = signed("subtitle time base", track.time_base)?;
        let index = self.add(native_write::subtitle_parameters(track)?, base)?;
        self.describe(index, track.disposition, &track.language, &track.tags);
        self.subtitles.push(index);
        Ok(())
    }

    fn add_attachment(&mut self, attachment: &Attachment) -> Result<()> {
        let is_cover = self.container.holds_covers_as_pictures();
        let parameters = native_write::attachment_parameters(attachment, is_cover)?;
        let index = self.add(parameters, Fraction::new(1, 90_000))?;
        self.describe(index, if is_cover { ATTACHED_PICTURE } else { 0 }, "", &attachment.tags);
        if is_cover {
            self.covers.push((index, attachment.data.clone()));
        }
        Ok(())
    }

    fn add_chapter(&mut self, id: i64, chapter: &Chapter) -> Result<()> {
        let title = chapter.tags.iter().find(|(name, _)| name == "title").map_or("", |(_, value)| value);
        let title = title.replace('\0', "");
        let delay = self.delay.unwrap_or(0);
        let start = chapter.start.saturating_add(delay).max(0);
        let end = chapter.end.saturating_add(delay).max(start);
        let base = Fraction::new(1, 1_000_000_000);
        let added = self.output.add_chapter(id, base, start, end, title);
        added.map(|_| ()).map_err(|error| write_error(&self.path, error))
    }

    /// Adds a stream whose packets exist already; its index.
    fn add(&mut self, parameters: Parameters, base: Fraction) -> Result<usize> {
        let stream = self.output.add_stream(None::<ffmpeg_next::Codec>);
        let mut stream = stream.map_err(|error| write_error(&self.path, error))?;
        stream.set_parameters(parameters);
        stream.set_time_base(base);
        self.streams.push(StreamClock { given: base, container: base, padding: 0, last: None });
        Ok(self.streams.len() - 1)
    }

    fn describe(&mut self, index: usize, disposition: u32, language: &str, tags: &Tags) {
        native_write::set_disposition(&mut self.output, index, disposition);
        let language = (!language.is_empty()).then_some(("language", language));
        let tags = tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = language.into_iter().chain(tags).filter(|(name, value)| {
            !name.contains('\0') && !value.contains('\0') && self.container.holds_track_tag(name)
        });
        let all: Dictionary<'_> = all.collect();
        if let Some(mut stream) = self.output.stream_mut(index) {
            stream.set_metadata(all);
        }
    }

    /// Writes the file's header, after the last track was added.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the container cannot hold one of the tracks.
    pub(super) fn start(&mut self) -> Result<()> {
        for (id, chapter) in (1..).zip(&std::mem::take(&mut self.chapters)) {
            self.add_chapter(id, chapter)?;
        }
        let options = self.container.options(self.file.is_some()).iter().copied();
        let keeps_times = self.delay.map(|_| ("avoid_negative_ts", "disabled"));
        let options = options.chain(keeps_times).collect::<Dictionary<'_>>();
        self.output.write_header_with(options).map(drop).map_err(|error| match error {
            ffmpeg_next::Error::InvalidData => write_error(&self.path, error),
            ffmpeg_next::Error::Other { errno } if errno != ffmpeg_next::error::EINVAL => {
                write_error(&self.path, error)
            }
            error => Error::Unsupported {
                what: format!("track in {}: {error}", self.path.display()),
                remedy: "write an .mkv file".into(),
            },
        })?;
        for (index, clock) in self.streams.iter_mut().enumerate() {
            // The muxer may have chosen another.
            clock.container = self.output.stream(index).map_or(clock.container, |stream| stream.time_base());
        }
        for (index, data) in std::mem::take(&mut self.covers) {
            let timing = Timing { presentation: 0, decoding: 0, duration: 0, is_key: true };
            self.write(index, copy(&data)?, &timing)?;
        }
        Ok(())
    }

    /// Writes a packet of stream `index`, timed in the time base the stream was added with.
    pub(super) fn write(&mut self, index: usize, mut packet: Packet, timing: &Timing) -> Result<()> {
        let Some(clock) = self.streams.get_mut(index) else {
            return Err(Error::invalid("track", format!("below {}", self.streams.len()), index));
        };
        packet.set_stream(index);
        let delay = self.delay.map_or(0, |delay| units_of(delay, clock.given)).saturating_add(clock.padding);
        packet.set_pts(Some(timing.presentation.saturating_add(delay)));
        packet.set_dts(Some(timing.decoding.saturating_add(delay)));
        packet.set_duration(timing.duration);
        packet.set_position(-1);
        packet.set_flags(if timing.is_key { packet::Flags::KEY } else { packet::Flags::empty() });
        packet.rescale_ts(clock.given, clock.container);
        // Packets that share a unit of a coarse clock: as late as they are, and no later than the container asks.
        if let (Some(last), Some(dts), Some(pts)) = (clock.last, packet.dts(), packet.pts())
            && dts <= last
            && index > 0
        {
            let mended = last.saturating_add(i64::from(self.container.is_strict()));
            packet.set_dts(Some(mended));
            packet.set_pts(Some(pts.max(mended)));
        }
        clock.last = packet.dts();
        packet.write_interleaved(&mut self.output).map_err(|error| write_error(&self.path, error))
    }

    /// Writes an audio packet unchanged.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a track there is not.
    pub(super) fn write_audio(&mut self, packet: &AudioPacket) -> Result<()> {
        let number = usize::from(packet.track);
        // With them the sound would begin before the pictures, and be longer with each copy.
        let is_unheard =
            packet.trim.start == u32::MAX && self.drops_unheard.get(number).is_some_and(|&drops| drops);
        if packet.data.is_empty() || is_unheard {
            return Ok(());
        }
        let timing = Timing {
            presentation: packet.timestamp,
            decoding: packet.timestamp,
            duration: packet.duration.into(),
            is_key: true,
        };
        let index = self.audio.get(usize::from(packet.track)).copied();
        let index = index.ok_or_else(|| {
            Error::invalid("audio track", format!("below {}", self.audio.len()), packet.track)
        })?;
        let mut copied = copy(&packet.data)?;
        native_write::set_trim(&mut copied, packet.trim)?;
        self.write(index, copied, &timing)
    }

    /// Writes a packet of a subtitle track.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a track there is not.
    pub(super) fn write_subtitle(&mut self, packet: &SubtitlePacket) -> Result<()> {
        let index = self.subtitles.get(usize::from(packet.track)).copied();
        let index = index.ok_or_else(|| {
            Error::invalid("subtitle track", format!("below {}", self.subtitles.len()), packet.track)
        })?;
        let timing = Timing {
            presentation: packet.timestamp,
            decoding: packet.timestamp,
            duration: i64::try_from(packet.duration).unwrap_or(0),
            is_key: true,
        };
        self.write(index, copy(&packet.data)?, &timing)
    }

    /// Ends the file and gives it its name.
    pub(super) fn finish(self) -> Result<()> {
        let Self { path, mut output, file, .. } = self;
        output.write_trailer().map_err(|error| write_error(&path, error))?;
        drop(output);
        file.map_or(Ok(()), AtomicFile::commit)
    }
}

/// Nanoseconds in units of a time base, rounded up.
fn units_of(nanoseconds: i64, base: Fraction) -> i64 {
    let units = i128::from(base.numerator().max(1)) * 1_000_000_000;
    let rounded = (i128::from(nanoseconds) * i128::from(base.denominator()) + units - 1).div_euclid(units);
    rounded.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}

/// A packet of these bytes.
pub(super) fn copy(bytes: &[u8]) -> Result<Packet> {
    let too_large = || Error::OutOfMemory { what: "packet", bytes: bytes.len() as u64 };
    if bytes.len() > (i32::MAX / 2) as usize {
        return Err(too_large());
    }
    let mut packet = Packet::new(bytes.len());
    packet.data_mut().filter(|data| data.len() == bytes.len()).ok_or_else(too_large)?.copy_from_slice(bytes);
    Ok(packet)
}

/// An error of FFmpeg's while writing: the system's reason where there is one.
pub(super) fn write_error(path: &Path, error: ffmpeg_next::Error) -> Error {
    match error {
        ffmpeg_next::Error::Other { errno } if errno == ffmpeg_next::error::EINVAL => {
            Error::invalid("packet", "timestamps that rise within each track", "others")
        }
        ffmpeg_next::Error::Other { errno } => Error::io(path, std::io::Error::from_raw_os_error(errno)),
        // Set-up data or packets of a track, as the source or the stream has them.
        ffmpeg_next::Error::InvalidData => {
            let found = format!("others, writing {}", path.display());
            Error::corrupt("track", "set-up data and packets of its codec", found, Place::default())
        }
        error => Error::internal("FFmpeg", format!("{error}, writing {}", path.display())),
    }
}
