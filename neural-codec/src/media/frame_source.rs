//! Where frames come from: what every reader of clips is.

use super::Lost;
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
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

    /// What the source has beside its pictures; [`take_audio`](Self::take_audio) and
    /// [`take_subtitles`](Self::take_subtitles) give the packets.
    fn tracks(&self) -> &Tracks {
        const { &Tracks::NONE }
    }

    /// What of the source has no place in a clip: as far as it is known before the first frame, and at the end all of it.
    fn lost(&self) -> Vec<Lost> {
        Vec::new()
    }

    /// What a person should know about the source; at the end all of it.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// How long the frame given last is shown, in the time base; known at the end, where the source says.
    fn last_duration(&self) -> Option<u64> {
        None
    }

    /// Packets of subtitle tracks met since the last call; after the last frame, all that remain.
    fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        Vec::new()
    }

    /// Audio packets met since the last call; after the last frame, all that remain.
    fn take_audio(&mut self) -> Vec<AudioPacket> {
        Vec::new()
    }

    /// Lets go of the packets met since the last call: for those who want the pictures alone, so that nothing piles up.
    fn leave_packets(&mut self) {
        self.take_audio();
        self.take_subtitles();
    }
}
