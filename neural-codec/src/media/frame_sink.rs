//! Where frames go: what every writer of clips is.

use crate::bitstream::{AudioPacket, SubtitlePacket};
use crate::error::Result;
use crate::frame::Frame;

/// Where frames go, one after the other, in presentation order. Dropped before `finish`, it leaves no file.
pub trait FrameSink: Send {
    /// Writes a frame.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where it does not fit the clip, or its timestamp does not rise.
    fn write_frame(&mut self, frame: &Frame) -> Result<()>;

    /// Writes an audio packet of one of the tracks the sink was made with, unchanged.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the file holds no audio.
    fn write_audio(&mut self, packet: &AudioPacket) -> Result<()>;

    /// Writes a packet of one of the subtitle tracks the sink was made with, where the file holds it.
    ///
    /// # Errors
    ///
    /// `Io`, `InvalidArgument`.
    fn write_subtitle(&mut self, _packet: &SubtitlePacket) -> Result<()> {
        Ok(())
    }

    /// Completes the file and gives it its name.
    fn finish(self: Box<Self>) -> Result<()>;
}
