//! The loop between demuxer and decoder: packets in, frames out, nothing lost in silence.

use ffmpeg_next::codec::decoder::Opened;
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Error as Ffmpeg, Packet, frame};

use super::super::container_length::CutShort;
use super::super::{Deinterlace, Lost, OpenOptions, SourceDamage};
use super::deinterlace::Deinterlacer;
use super::demux::Demuxer;
use super::track_reader::TrackReader;
use super::{native, positive, read_error};
use crate::error::{Error, Place, Result};
use crate::frame::Rational;

/// Errors between two frames after which a file is given up even where damage is to be kept.
const MOST_FAILURES: u32 = 10_000;
/// Times of damaged frames that are named.
const MOST_TIMES: usize = 5;

/// A file that is being decoded.
pub(super) struct Decoding {
    // The decoder goes before the file it reads from.
    decoder: Opened,
    demuxer: Demuxer,
    stream: usize,
    tracks: TrackReader,
    on_damage: SourceDamage,
    /// Where the file is shorter than it says.
    cut_short: Option<CutShort>,
    damaged: u64,
    /// Errors since the last frame.
    failures: u32,
    draining: bool,
    /// Whether the last frame was given, so that what was counted is all there is.
    is_over: bool,
    /// Times of the first damaged frames, in the stream's time base.
    damaged_at: Vec<i64>,
    /// Presentation time and duration of the packet that is shown last.
    last_shown: (i64, i64),
    fields: Fields,
}

/// What is done about pictures of two fields.
struct Fields {
    choice: Deinterlace,
    /// Made at the first of them.
    deinterlacer: Option<Deinterlacer>,
    /// Whether FFmpeg lacks the filter.
    is_missing: bool,
    /// How many were met.
    met: u64,
}

impl Decoding {
    pub(super) fn new(
        input: Input,
        decoder: Opened,
        stream: usize,
        tracks: TrackReader,
        options: &OpenOptions,
    ) -> Self {
        let demuxer = Demuxer::new(input);
        Self {
            decoder,
            demuxer,
            stream,
            tracks,
            on_damage: options.on_damage,
            cut_short: None,
            damaged: 0,
            failures: 0,
            draining: false,
            is_over: false,
            damaged_at: Vec::new(),
            last_shown: (i64::MIN, 0),
            fields: Fields { choice: options.deinterlace, deinterlacer: None, is_missing: false, met: 0 },
        }
    }

    /// Says where the file ends that is shorter than it says.
    pub(super) fn set_cut_short(&mut self, cut_short: Option<CutShort>) {
        self.cut_short = cut_short;
    }

    pub(super) fn input(&self) -> &Input {
        self.demuxer.input()
    }

    /// Where the file's clock was set anew so far, in nanoseconds.
    pub(super) fn restarted_at(&self) -> &[i64] {
        self.demuxer.restarted_at()
    }

    pub(super) fn tracks(&self) -> &TrackReader {
        &self.tracks
    }

    pub(super) fn tracks_mut(&mut self) -> &mut TrackReader {
        &mut self.tracks
    }

    /// How long the last frame is shown, in the stream's time base, where the file says.
    pub(super) fn last_duration(&self) -> Option<u64> {
        let stream = self.demuxer.input().stream(self.stream)?;
        let base = positive(stream.time_base())?;
        // Of the whole file, where it was cut.
        let end = native::tagged_end(&stream).filter(|_| self.cut_short.is_none());
        let end = end.map(|end| (end as f64 / 1e9 / base.value()).round() as i64);
        let tagged = end.and_then(|end| end.checked_sub(self.last_shown.0)).filter(|&left| left > 0);
        u64::try_from(tagged.unwrap_or(self.last_shown.1)).ok().filter(|&duration| duration > 0)
    }

    /// What damage and fields cost so far. `base`: of the stream's timestamps.
    pub(super) fn lost(&self, base: Rational) -> impl Iterator<Item = Lost> + use<> {
        self.cut_off().into_iter().chain(self.lost_to_damage(base)).chain(self.lost_fields())
    }

    fn cut_off(&self) -> Option<Lost> {
        let why = format!("{}; what came after that is missing", self.cut_short?.error());
        Some(Lost::new("file", why))
    }

    fn lost_fields(&self) -> Option<Lost> {
        let Fields { choice, is_missing, met, .. } = self.fields;
        let how = match choice {
            Deinterlace::Auto if is_missing => "this FFmpeg lacks bwdif, and each is coded as it is",
            Deinterlace::Auto => "each becomes a progressive one of the same time",
            Deinterlace::Off => "each is coded as it is, as asked",
        };
        (met > 0)
            .then(|| Lost::new("fields", format!("{met} pictures are interlaced{}; {how}", self.so_far())))
    }

    fn lost_to_damage(&self, base: Rational) -> Option<Lost> {
        let times = self.damaged_at.iter().map(|&time| format!("{:.3} s", time as f64 * base.value()));
        let times = times.collect::<Vec<_>>().join(", ");
        let at = if times.is_empty() { times } else { format!(", the first at {times} of the file's clock") };
        (self.damaged > 0).then(|| {
            let so_far = self.so_far();
            let why = format!("{} packets or pictures of the source are damaged{so_far}{at}", self.damaged);
            Lost::new("frames", why)
        })
    }

    /// What stands behind a count that may grow.
    fn so_far(&self) -> &'static str {
        if self.is_over { "" } else { " so far" }
    }

    /// Errors met and damaged frames kept so far.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The next picture into `frame`; false after the last. `index` is its number, for errors.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `Truncated` for bytes that do not decode, and for frames that the decoder had to patch up,
    /// unless [`SourceDamage::Keep`] asks for them.
    pub(super) fn next(&mut self, frame: &mut frame::Video, index: u64) -> Result<bool> {
        let failed = |error| read_error("frame", error, Place::at_frame(index));
        loop {
            if let Some(deinterlacer) = &mut self.fields.deinterlacer
                && deinterlacer.receive(frame).map_err(failed)?
            {
                return Ok(true);
            }
            if !self.decode(frame, index)? {
                let Some(deinterlacer) = &mut self.fields.deinterlacer else { return Ok(false) };
                if !deinterlacer.end().map_err(failed)? {
                    return Ok(false);
                }
                continue;
            }
            self.fields.look_at(frame);
            match &mut self.fields.deinterlacer {
                // Of another size: the caller has a word for it.
                Some(deinterlacer) if deinterlacer.takes(frame) => {
                    deinterlacer.send(frame).map_err(failed)?
                }
                _ => return Ok(true),
            }
        }
    }

    /// Decodes into `frame`; false after the last.
    fn decode(&mut self, frame: &mut frame::Video, index: u64) -> Result<bool> {
        let place = Place::at_frame(index);
        loop {
            match self.decoder.receive_frame(frame) {
                Ok(()) => {
                    if frame.is_corrupt() || frame.has_decode_errors() {
                        let found = format!("damage ({:?})", frame.decode_error_flags());
                        self.damage(Error::corrupt("frame", "all of its data", found, place))?;
                        self.damaged_at
                            .extend(frame.timestamp().filter(|_| self.damaged_at.len() < MOST_TIMES));
                        // What cannot be seen is no beginning.
                        if index == 0 {
                            continue;
                        }
                    }
                    self.failures = 0;
                    return Ok(true);
                }
                Err(Ffmpeg::Other { errno: EAGAIN }) => self.feed(place)?,
                Err(Ffmpeg::Eof) => {
                    self.is_over = true;
                    return Ok(false);
                }
                Err(error) => self.damage(read_error("frame", error, place))?,
            }
        }
    }

    /// Gives the decoder one more packet of its stream, or the end.
    fn feed(&mut self, place: Place) -> Result<()> {
        loop {
            let mut packet = Packet::empty();
            match self.demuxer.read(&mut packet) {
                // A packet without bytes would tell the decoder that the stream ends.
                Ok(()) if packet.size() == 0 => {}
                Ok(()) if packet.stream() == self.stream => {
                    if packet.is_corrupt() {
                        self.damage(Error::corrupt("packet", "all of its bytes", "fewer", place))?;
                    }
                    let time = packet.pts().or(packet.dts()).unwrap_or(i64::MIN);
                    if time >= self.last_shown.0 {
                        self.last_shown = (time, packet.duration());
                    }
                    return match self.decoder.send_packet(&packet) {
                        Ok(()) => Ok(()),
                        Err(error) => self.damage(read_error("frame", error, place)),
                    };
                }
                Ok(()) => self.tracks.push(&packet),
                Err(error) => {
                    if error != Ffmpeg::Eof {
                        self.damage(read_error("video file", error, place))?;
                    }
                    return self.drain(place);
                }
            }
        }
    }

    fn drain(&mut self, place: Place) -> Result<()> {
        if std::mem::replace(&mut self.draining, true) {
            return Err(Error::internal("FFmpeg", "the decoder wants more after the end"));
        }
        self.decoder.send_eof().map_err(|error| read_error("frame", error, place))
    }

    /// What to do about damage: the error, or nothing where damaged frames are to be kept.
    fn damage(&mut self, error: Error) -> Result<()> {
        self.damaged += 1;
        self.failures += 1;
        match self.on_damage {
            SourceDamage::Keep if self.failures <= MOST_FAILURES => Ok(()),
            _ => Err(error),
        }
    }
}

impl Fields {
    /// Counts a picture of two fields, and has those from the first on deinterlaced where that is wanted.
    fn look_at(&mut self, frame: &frame::Video) {
        if !frame.is_interlaced() {
            return;
        }
        self.met += 1;
        if self.choice == Deinterlace::Auto && self.deinterlacer.is_none() && !self.is_missing {
            self.deinterlacer = Deinterlacer::new(frame).ok();
            self.is_missing = self.deinterlacer.is_none();
        }
    }
}
