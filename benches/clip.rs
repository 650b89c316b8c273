//! A generated clip for benches: a textured picture that pans, with a little noise.

use neural_codec::error::Result;
use neural_codec::frame::{Color, Frame, PixelFormat, Planes, Rational, VideoInfo};
use neural_codec::media::FrameSource;

/// Frames held in memory, handed out as copies.
pub struct MemoryClip {
    info: VideoInfo,
    frames: Vec<Frame>,
    next: usize,
}

impl MemoryClip {
    /// `count` frames of 8-bit 4:2:0.
    ///
    /// # Errors
    ///
    /// For sizes that the library refuses.
    pub fn generate(width: usize, height: usize, count: usize) -> Result<Self> {
        let info = VideoInfo::new(width, height, PixelFormat::YUV420_8, Rational::new(25, 1)?);
        let frames = (0..count).map(|index| frame(width, height, index)).collect::<Result<_>>()?;
        Ok(Self { info, frames, next: 0 })
    }

    /// The frames.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Starts again from the first frame.
    pub fn rewind(&mut self) {
        self.next = 0;
    }
}

impl FrameSource for MemoryClip {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let frame = self.frames.get(self.next).cloned();
        self.next += 1;
        Ok(frame)
    }
}

fn frame(width: usize, height: usize, index: usize) -> Result<Frame> {
    let mut frame = Frame::new(width, height, PixelFormat::YUV420_8, Color::default())?;
    let mut noise = 0x9e37_79b9_u32.wrapping_mul(index as u32 + 1);
    if let Planes::U8(planes) = frame.planes_mut() {
        for (number, plane) in planes.iter_mut().enumerate() {
            let width = plane.width();
            for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
                let (x, y) = (at % width + 3 * index, at / width + index);
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let wave = ((x * 5 + y * 3) % 200).min(200 - (x * 5 + y * 3) % 200);
                let texture = (x / 6 * 29 + y / 9 * 53) % 48;
                *sample = (40 + wave + texture + 10 * number + (noise >> 30) as usize).min(255) as u8;
            }
        }
    }
    Ok(frame.with_timestamp(index as i64))
}
