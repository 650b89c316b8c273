//! Generated clips that the tests of this folder share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

#[cfg(feature = "ffmpeg")]
pub mod files;
pub mod streams;

use neural_codec::bitstream::{AudioDetails, AudioPacket, AudioTrack, Tracks, Trim};
use neural_codec::frame::{BitDepth, Color, ColorRange, Frame, PixelFormat, Rational, VideoInfo};
use neural_codec::media::FrameSource;
use neural_codec::{Result, with_planes};

/// A moving texture that changes entirely every `scene_frames` frames.
pub struct Clip {
    pub info: VideoInfo,
    pub frames: u64,
    pub scene_frames: u64,
    pub next: u64,
    pub tracks: Tracks,
    pub audio: Vec<AudioPacket>,
    /// Packets of sound a frame, where there is sound.
    pub sounds: i64,
    /// When a frame is shown, in the time base.
    pub time_of: fn(u64) -> i64,
}

impl Clip {
    pub fn new(width: usize, height: usize, format: PixelFormat, frames: u64, scene_frames: u64) -> Self {
        let mut info = VideoInfo::new(width, height, format, Rational { num: 25, den: 1 });
        info.color =
            Color { range: ColorRange::Full, primaries: 1, transfer: 1, matrix: 1, ..Color::default() };
        if format.layout == neural_codec::frame::Layout::Rgb {
            info.color = Color::default();
        }
        let (tracks, audio, time_of) = (Tracks::NONE, Vec::new(), |index| index as i64);
        Self { info, frames, scene_frames, next: 0, tracks, audio, sounds: 1, time_of }
    }

    /// An audio track with a packet for every frame.
    pub fn with_audio(mut self) -> Self {
        self.tracks = Tracks::of_audio(vec![AudioTrack {
            codec: "pcm_s16le".into(),
            time_base: Rational { num: 1, den: 48_000 },
            sample_rate: 48_000,
            channels: 1,
            frame_size: 0,
            bit_rate: 768_000,
            extradata: Vec::new(),
            language: "eng".into(),
            details: AudioDetails::default(),
        }]);
        self
    }

    pub fn frame(&self, index: u64) -> Frame {
        let mut frame =
            Frame::new(self.info.width, self.info.height, self.info.format, self.info.color).unwrap();
        let scale = if self.info.format.depth == BitDepth::Ten { 4 } else { 1 };
        let (scene, step) = (index / self.scene_frames, index % self.scene_frames);
        with_planes!(frame.planes_mut(), planes => for (number, plane) in planes.iter_mut().enumerate() {
            let width = plane.width();
            for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
                let (x, y) = ((at % width) as u64 + 2 * step, (at / width) as u64 + step);
                let (slope, tile) = (1 + scene % 3, 5 + 6 * (scene % 4));
                let wave = (x * slope + y * (4 - slope)) % 120;
                let texture = ((x / tile) * 31 + (y / tile) * 17 + scene * 7) % 5 * (12 + 8 * (scene % 3));
                let value = 15 + 40 * (scene % 3) + wave.min(120 - wave) + texture + 9 * number as u64;
                *sample = saturate(value * scale);
            }
        });
        frame.with_timestamp((self.time_of)(index))
    }
}

fn saturate<T: neural_codec::frame::Sample>(value: u64) -> T {
    T::saturating_from(value.min(1023) as u16)
}

impl FrameSource for Clip {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        if self.next == self.frames {
            return Ok(None);
        }
        let frame = self.frame(self.next);
        if !self.tracks.audio.is_empty() {
            let (data, duration) = (self.next.to_le_bytes().repeat(10), 1920 / self.sounds);
            self.audio.extend((0..self.sounds).map(|sound| AudioPacket {
                track: 0,
                timestamp: self.next as i64 * 1920 + sound * duration,
                duration: duration as u32,
                trim: Trim::default(),
                data: data.clone(),
            }));
        }
        self.next += 1;
        Ok(Some(frame))
    }

    fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    fn take_audio(&mut self) -> Vec<AudioPacket> {
        std::mem::take(&mut self.audio)
    }
}
