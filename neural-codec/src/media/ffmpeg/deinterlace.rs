//! Pictures of two fields become pictures of one instant, by FFmpeg's `bwdif`.

use ffmpeg_next::{Error as Ffmpeg, frame};

use super::filters::Chain;
use super::native;

/// One picture for each of the source, at its time; those that are not interlaced stay as they are.
const FILTER: &str = "bwdif=mode=send_frame:parity=auto:deint=interlaced";

/// A deinterlacer for pictures of one size and format.
pub(super) struct Deinterlacer {
    chain: Chain,
    shape: (usize, usize, i32),
    ended: bool,
}

impl Deinterlacer {
    /// For pictures like `first`.
    ///
    /// # Errors
    ///
    /// FFmpeg's; `FilterNotFound` where it was built without the filter.
    pub(super) fn new(first: &frame::Video) -> Result<Self, Ffmpeg> {
        let shape @ (width, height, number) = native::shape(first);
        let name = native::sample_layout(number).ok_or(Ffmpeg::InvalidData)?.name;
        // Times are copied beside the pictures, so that the unit does not matter.
        let options = format!("video_size={width}x{height}:pix_fmt={name}:time_base=1/1000");
        // Formats the filter lacks go to one it has and back.
        let chain = Chain::new(("buffer", "buffersink"), &options, &format!("{FILTER},format={name}"))?;
        Ok(Self { chain, shape, ended: false })
    }

    /// Whether a picture is one that it was made for.
    pub(super) fn takes(&self, frame: &frame::Video) -> bool {
        native::shape(frame) == self.shape
    }

    /// Takes a picture. Several may go in before one comes out.
    ///
    /// # Errors
    ///
    /// FFmpeg's.
    pub(super) fn send(&mut self, frame: &mut frame::Video) -> Result<(), Ffmpeg> {
        self.chain.send(frame)
    }

    /// Says that no picture follows; false where that was said before.
    ///
    /// # Errors
    ///
    /// FFmpeg's.
    pub(super) fn end(&mut self) -> Result<bool, Ffmpeg> {
        match std::mem::replace(&mut self.ended, true) {
            true => Ok(false),
            false => self.chain.end().map(|()| true),
        }
    }

    /// Gives the next picture; false where there is none yet, or none any more.
    ///
    /// # Errors
    ///
    /// FFmpeg's.
    pub(super) fn receive(&mut self, frame: &mut frame::Video) -> Result<bool, Ffmpeg> {
        self.chain.receive(frame)
    }
}
