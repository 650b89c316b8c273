//! Where frames come from: what every reader of clips is.

use crate::bitstream::{AudioPacket, AudioTrack};
use crate::error::Result;
use crate::frame::{AnyFrame, Frame, VideoInfo};

/// Where frames come from, one after the other, in presentation order.
pub trait FrameSource: Send {
    /// Size, format, color and rate; every frame of the source fits it.
    fn info(&self) -> &VideoInfo;

    /// The next frame, or `None` after the last. Timestamps rise strictly.
    ///
    /// # Errors
    ///
    /// Whatever the file has wrong, with the frame's index; after an error the source is at its end.
    fn next_frame(&mut self) -> Result<Option<Frame>>;

    /// The next frame where it lies: the same as [`next_frame`](Self::next_frame), for those that can take one on a GPU.
    fn next_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        Ok(self.next_frame()?.map(AnyFrame::Host))
    }

    /// Number of frames as the container declares it, for progress bars only.
    fn declared_frame_count(&self) -> Option<u64> {
        None
    }

    /// Audio tracks whose packets [`take_audio`](Self::take_audio) gives.
    fn audio_tracks(&self) -> &[AudioTrack] {
        &[]
    }

    /// Audio packets met since the last call; after the last frame, all that remain.
    fn take_audio(&mut self) -> Vec<AudioPacket> {
        Vec::new()
    }
}
