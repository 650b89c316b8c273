//! Files in and out: Y4M, picture files, and whatever FFmpeg reads. Rank 3.

mod y4m_read;
mod y4m_write;

pub use y4m_read::Y4mReader;
pub use y4m_write::Y4mWriter;

use crate::bitstream::{AudioPacket, AudioTrack};
use crate::error::Result;
use crate::frame::{Frame, VideoInfo};

/// Where frames come from, one after the other, in presentation order.
pub trait FrameSource: Send {
    /// Size, format, colour and rate; every frame of the source fits it.
    fn info(&self) -> &VideoInfo;

    /// The next frame, or `None` after the last. Timestamps rise strictly.
    ///
    /// Errors: whatever the file has wrong, with the frame's index; after an error the source is at its end.
    fn next_frame(&mut self) -> Result<Option<Frame>>;

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
