//! A Y4M file as a place where frames go.

use std::path::{Path, PathBuf};

use super::frame_sink::{EvenTimes, lost_but_pictures};
use super::{AtomicFile, FrameSink, Y4mWriter};
use crate::bitstream::{AudioPacket, Tracks};
use crate::error::{Error, Result};
use crate::frame::{Frame, VideoInfo};
use crate::lost::Lost;

/// Writes a Y4M file that appears whole or not at all.
pub struct Y4mSink {
    path: PathBuf,
    writer: Y4mWriter<AtomicFile>,
    written: u64,
    times: EvenTimes,
    lost: Vec<Lost>,
}

/// What they are called where they lack something.
const FILES: &str = ".y4m files";

impl Y4mSink {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// `Io`; `InvalidArgument` for RGB.
    pub fn create(path: &Path, info: &VideoInfo, tracks: &Tracks) -> Result<Self> {
        let lost = lost_but_pictures(info, tracks, FILES);
        let writer = Y4mWriter::new(AtomicFile::create(path)?, info).map_err(|error| error.of_file(path))?;
        Ok(Self { path: path.to_owned(), writer, written: 0, times: EvenTimes::new(info), lost })
    }
}

impl FrameSink for Y4mSink {
    fn write_frame(&mut self, frame: &Frame) -> Result<()> {
        self.written += 1;
        self.lost.extend(self.times.next(frame.timestamp, FILES));
        self.writer.write_frame(frame).map_err(|error| error.of_file(&self.path))
    }

    fn write_audio(&mut self, _: &AudioPacket) -> Result<()> {
        Ok(())
    }

    fn lost(&self) -> &[Lost] {
        &self.lost
    }

    fn finish(self: Box<Self>, _last_duration: Option<u64>) -> Result<()> {
        match self.written {
            0 => Err(Error::WrongOrder { call: "finish", reason: "no frame was written".into() }),
            _ => self.writer.finish().map_err(|error| error.of_file(&self.path))?.commit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PixelFormat, Rational};
    use crate::media::{OpenOptions, create, open};

    #[test]
    fn a_y4m_file_comes_back_the_same_and_at_any_rate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.y4m");
        let info = VideoInfo::new(6, 4, PixelFormat::YUV420_8, Rational { num: 30, den: 1 });
        let mut sink = create(&path, &info, &crate::bitstream::Tracks::NONE).unwrap();
        let frame = Frame::new(6, 4, info.format, info.color).unwrap();
        (0..3).for_each(|t| sink.write_frame(&frame.clone().with_timestamp(t)).unwrap());
        assert!(!path.exists());
        sink.finish(None).unwrap();
        for rate in [None, Some(Rational { num: 50, den: 1 })] {
            let options = OpenOptions { frame_rate: rate, ..Default::default() };
            let mut source = open(&path, &options).unwrap();
            assert_eq!(source.info().frame_rate, rate.unwrap_or(info.frame_rate));
            for timestamp in 0..3 {
                assert_eq!(source.next_frame().unwrap().unwrap().timestamp, timestamp);
            }
            assert!(source.next_frame().unwrap().is_none());
        }
    }

    #[cfg(not(feature = "ffmpeg"))]
    #[test]
    fn without_the_feature_a_video_file_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        std::fs::write(&path, b"anything").unwrap();
        let error = open(&path, &OpenOptions::default()).map(drop).unwrap_err();
        assert!(
            matches!(&error, Error::Unsupported { remedy, .. } if remedy.contains("`ffmpeg`")),
            "{error}"
        );
    }

    #[cfg(not(feature = "images"))]
    #[test]
    fn without_the_feature_a_picture_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        std::fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
        let error = open(&path, &OpenOptions::default()).map(drop).unwrap_err();
        assert!(
            matches!(&error, Error::Unsupported { remedy, .. } if remedy.contains("`images`")),
            "{error}"
        );
    }
}
