//! The encoding agent: frames in, bytes of stream out. It is the face of [`Pipeline`] and does none of its work.

use std::ops::{ControlFlow, Range};

use super::pipeline::Pipeline;
use crate::bitstream::{AudioPacket, AudioTrack, SubtitlePacket, Tracks};
use crate::error::{Error, Result};
use crate::frame::{AnyFrame, VideoInfo};
use crate::lost::Lost;
use crate::media::Container;
use crate::progress::{CancelToken, Progress};
use crate::report::Report;
use crate::settings::Settings;

/// Encodes a clip frame by frame.
///
/// ```
/// # use neural_codec::{encoder::EncodingAgent, settings::Settings};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// # let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// # let frames = (0..5).map(|i| Frame::new(64, 48, info.format, Color::default()).unwrap().with_timestamp(i));
/// let mut stream = Vec::new();
/// let mut settings = Settings::default();
/// settings.set("quantizer", "40")?;
/// let mut agent = EncodingAgent::new(info, &settings)?;
/// for frame in frames {
///     agent.send_frame(frame)?; // may wait for the encoder
///     while let Some(bytes) = agent.receive_packet()? {
///         stream.extend(bytes);
///     }
/// }
/// agent.finish()?;
/// while let Some(bytes) = agent.receive_packet()? {
///     stream.extend(bytes); // now the call waits, and None is the end
/// }
/// let report = agent.into_report()?;
/// assert_eq!(report.total.bytes, stream.len() as u64);
/// # Ok::<(), neural_codec::Error>(())
/// ```
/// After an error only dropping is left. The bytes do not depend on the number of threads.
pub struct EncodingAgent {
    pipeline: Pipeline,
}

impl EncodingAgent {
    /// An agent for frames of `info`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for targets that contradict each other, `MissingLibrary` without SVT-AV1, `Device` where the GPU
    /// that is asked for cannot be had.
    pub fn new(info: VideoInfo, settings: &Settings) -> Result<Self> {
        Ok(Self { pipeline: Pipeline::new(info, settings)? })
    }

    /// Uses a token that another thread may raise.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.pipeline.use_cancel(cancel);
        self
    }

    /// Carries audio tracks; their packets come through [`send_audio`](Self::send_audio).
    ///
    /// # Errors
    ///
    /// `InvalidArgument` or `LimitExceeded` for more tracks, longer texts or more setup bytes than a stream can hold.
    pub fn with_audio(self, tracks: Vec<AudioTrack>) -> Result<Self> {
        self.with_tracks(Tracks::of_audio(tracks))
    }

    /// Carries all that a clip has beside its pictures; packets come through [`send_audio`](Self::send_audio) and
    /// [`send_subtitle`](Self::send_subtitle).
    ///
    /// # Errors
    ///
    /// As of [`with_audio`](Self::with_audio).
    pub fn with_tracks(mut self, tracks: Tracks) -> Result<Self> {
        self.pipeline.use_tracks(tracks)?;
        Ok(self)
    }

    /// Uses these scenes instead of detected ones.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` naming the entry that is empty, overlaps or leaves a gap.
    pub fn with_scenes(mut self, scenes: Vec<Range<u64>>) -> Result<Self> {
        self.pipeline.use_scenes(scenes)?;
        Ok(self)
    }

    /// Takes the next frame, on the host or on a GPU. Waits while too many frames wait for their encoder.
    /// A GPU-resident frame is converted there and copied to the host, where AV1 is coded.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a frame of another size or format, `WrongOrder` after [`finish`](Self::finish), and what
    /// encoding an earlier frame met.
    pub fn send_frame(&mut self, frame: impl Into<AnyFrame>) -> Result<()> {
        self.pipeline.expect_open("send_frame")?;
        self.pipeline.advance(Some(frame.into()))
    }

    /// Takes an audio packet, to be stored near the frames sent around it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a track that was not announced, `WrongOrder` after the end.
    pub fn send_audio(&mut self, packet: AudioPacket) -> Result<()> {
        self.pipeline.expect_open("send_audio")?;
        self.pipeline.push_audio(packet)
    }

    /// Takes a packet of a subtitle track, to be stored near the frames sent around it.
    ///
    /// # Errors
    ///
    /// As [`send_audio`](Self::send_audio).
    pub fn send_subtitle(&mut self, packet: SubtitlePacket) -> Result<()> {
        self.pipeline.expect_open("send_subtitle")?;
        self.pipeline.push_subtitle(packet)
    }

    /// Says how many frames are to come, as far as that is known: a size in bytes is probed for by it.
    pub(super) fn expect_frames(&mut self, frames: Option<u64>) {
        self.pipeline.expect_frames(frames);
    }

    /// Says that the stream is put into such a file, whose bytes a target of bytes counts.
    pub(super) fn count_for(&mut self, container: Container) {
        self.pipeline.count_for(container);
    }

    /// Says how long the last frame is shown, in units of the time base; one nominal frame without it.
    ///
    /// # Errors
    ///
    /// `WrongOrder` after the end.
    pub fn set_last_duration(&mut self, duration: Option<u64>) -> Result<()> {
        self.pipeline.expect_open("set_last_duration")?;
        self.pipeline.set_last_duration(duration);
        Ok(())
    }

    /// Names what of the source is not among what is sent, for the report; `notes` are sentences for it.
    ///
    /// # Errors
    ///
    /// `WrongOrder` after the end.
    pub fn set_lost(&mut self, lost: Vec<Lost>, notes: Vec<String>) -> Result<()> {
        self.pipeline.expect_open("set_lost")?;
        self.pipeline.lose(lost, notes);
        Ok(())
    }

    /// Says that no frame will follow.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when there was none, `WrongOrder` when called twice.
    pub fn finish(&mut self) -> Result<()> {
        self.pipeline.expect_open("finish")?;
        self.pipeline.advance(None)
    }

    /// The next bytes of the stream. Before [`finish`](Self::finish) `None` means "not yet"; afterwards the
    /// call waits, and `None` means "no more".
    ///
    /// # Errors
    ///
    /// What encoding met.
    pub fn receive_packet(&mut self) -> Result<Option<Vec<u8>>> {
        self.wait_packet(|_| ControlFlow::Continue(()))
    }

    /// As [`receive_packet`](Self::receive_packet), calling `on_progress` while it waits and after every attempt; breaking cancels.
    ///
    /// # Errors
    ///
    /// As of `receive_packet`; `Cancelled`.
    pub fn wait_packet(
        &mut self,
        mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Vec<u8>>> {
        self.pipeline.next_packet(&mut on_progress)
    }

    /// How far the work is.
    pub fn progress(&self) -> Progress {
        self.pipeline.progress()
    }

    /// The account of the encode.
    ///
    /// # Errors
    ///
    /// `WrongOrder` before the last bytes were received.
    pub fn into_report(self) -> Result<Report> {
        self.pipeline.into_report().ok_or_else(|| Error::WrongOrder {
            call: "into_report",
            reason: "the end of the stream was not received yet".into(),
        })
    }

    /// The account of the encode, once the last bytes were received.
    pub fn report(&self) -> Option<&Report> {
        self.pipeline.report()
    }
}
