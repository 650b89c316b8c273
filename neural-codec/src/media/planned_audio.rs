//! A clip whose tracks of sound are as they were asked for: carried, left out, or encoded again.

use super::ffmpeg::Transcoder;
use super::{FrameSource, Lost};
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
use crate::error::{Error, Result};
use crate::frame::{AnyFrame, Frame, VideoInfo};
use crate::settings::{AudioAction, AudioPlan, SourceDamage};

/// A source, and what becomes of its sound.
pub(super) struct PlannedAudio {
    source: Box<dyn FrameSource>,
    tracks: Tracks,
    /// For each track of the source.
    outcomes: Vec<Outcome>,
    lost: Vec<Lost>,
    notes: Vec<String>,
    ready: Vec<AudioPacket>,
    ended: bool,
}

enum Outcome {
    /// The number of the track it becomes.
    Copied(u8),
    LeftOut,
    Encoded(Box<Transcoder>),
}

impl PlannedAudio {
    /// `source` with its sound as `plan` says.
    ///
    /// # Errors
    ///
    /// `Unsupported` where FFmpeg lacks what encoding a track again needs.
    pub(super) fn new(
        source: Box<dyn FrameSource>,
        plan: &AudioPlan,
        on_damage: SourceDamage,
    ) -> Result<Self> {
        let mut tracks = source.tracks().clone();
        let sound = std::mem::take(&mut tracks.audio);
        let (mut lost, mut notes, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
        for number in plan.missing(sound.len()) {
            let count = match sound.len() {
                0 => "the source has none".to_owned(),
                1 => "the source has one, 0".to_owned(),
                count => format!("the source has {count}, 0 to {}", count - 1),
            };
            notes.push(format!("There is no track {number} of sound, which audio names: {count}."));
        }
        for (number, track) in sound.into_iter().enumerate() {
            // At most 255 tracks came in.
            let becomes = tracks.audio.len() as u8;
            outcomes.push(match plan.action(number) {
                AudioAction::Copy => {
                    tracks.audio.push(track);
                    Outcome::Copied(becomes)
                }
                AudioAction::Drop => {
                    let why = format!("track {number} ({}): left out, as asked", track.codec);
                    lost.push(Lost::new("audio", why));
                    Outcome::LeftOut
                }
                AudioAction::Encode { codec, bit_rate } => {
                    let opened = Transcoder::open(&track, becomes, codec, bit_rate, on_damage);
                    let (transcoder, made, left) = opened.map_err(|error| of_track(number, error))?;
                    lost.extend(left);
                    let rate = match made.bit_rate {
                        0 => String::new(),
                        rate => format!(" at {} kbit/s", rate / 1000),
                    };
                    notes.push(format!(
                        "Track {number} of sound was encoded again from {} to {}{rate}.",
                        track.codec, made.codec
                    ));
                    tracks.audio.push(made);
                    Outcome::Encoded(Box::new(transcoder))
                }
            });
        }
        Ok(Self { source, tracks, outcomes, lost, notes, ready: Vec::new(), ended: false })
    }

    /// Has the source's packets go where they belong; at its end, all that remain.
    fn advance(&mut self, is_end: bool) -> Result<()> {
        for mut packet in self.source.take_audio() {
            match self.outcomes.get_mut(usize::from(packet.track)) {
                Some(Outcome::Copied(number)) => {
                    packet.track = *number;
                    self.ready.push(packet);
                }
                Some(Outcome::Encoded(transcoder)) => {
                    let number = usize::from(packet.track);
                    transcoder.push(&packet).map_err(|error| of_track(number, error))?;
                    self.ready.extend(transcoder.take());
                }
                Some(Outcome::LeftOut) | None => {}
            }
        }
        if is_end && !std::mem::replace(&mut self.ended, true) {
            for (number, outcome) in self.outcomes.iter_mut().enumerate() {
                if let Outcome::Encoded(transcoder) = outcome {
                    transcoder.finish().map_err(|error| of_track(number, error))?;
                    self.ready.extend(transcoder.take());
                }
            }
        }
        Ok(())
    }
}

impl FrameSource for PlannedAudio {
    fn info(&self) -> &VideoInfo {
        self.source.info()
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let frame = self.source.next_frame()?;
        self.advance(frame.is_none())?;
        Ok(frame)
    }

    fn next_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        let frame = self.source.next_any_frame()?;
        self.advance(frame.is_none())?;
        Ok(frame)
    }

    fn declared_frame_count(&self) -> Option<u64> {
        self.source.declared_frame_count()
    }

    fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    fn lost(&self) -> Vec<Lost> {
        let mut lost = [self.source.lost(), self.lost.clone()].concat();
        for (number, outcome) in self.outcomes.iter().enumerate() {
            if let Outcome::Encoded(transcoder) = outcome
                && transcoder.damaged() > 0
            {
                let why = format!("track {number}: {} packets do not decode", transcoder.damaged());
                lost.push(Lost::new("audio", why));
            }
        }
        lost
    }

    fn notes(&self) -> Vec<String> {
        [self.source.notes(), self.notes.clone()].concat()
    }

    fn last_duration(&self) -> Option<u64> {
        self.source.last_duration()
    }

    fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        self.source.take_subtitles()
    }

    fn take_audio(&mut self) -> Vec<AudioPacket> {
        std::mem::take(&mut self.ready)
    }
}

/// An error with the number of the track it is about.
fn of_track(number: usize, error: Error) -> Error {
    match error {
        Error::Unsupported { what, remedy } => {
            Error::Unsupported { what: format!("audio track {number}: {what}"), remedy }
        }
        Error::Corrupt { what, expected, found, place } => {
            Error::Corrupt { what, expected, found: format!("{found} (audio track {number})"), place }
        }
        error => error,
    }
}
