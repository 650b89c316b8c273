//! Which way up the pictures of a file are, and turning them upright.

use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::packet::side_data::Type as StreamData;
use ffmpeg_next::{frame, frame::side_data::Type as FrameData};

use crate::error::{Error, Result};
use crate::frame::{Frame, Plane, Planes, Sample, rotate};

/// What to do to a decoded picture to see it upright: turn it over, then turn it clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orientation {
    /// The top row becomes the bottom row, before the turn.
    turned_over: bool,
    quarter_turns: u8,
}

impl Orientation {
    /// As the container says, else as the first frame says, else upright.
    ///
    /// # Errors
    ///
    /// `Unsupported` for angles other than quarter turns.
    pub(super) fn of(stream: &Stream<'_>, first: &frame::Video) -> Result<Self> {
        if let Some(found) = stream.side_data().find(|data| data.kind() == StreamData::DisplayMatrix) {
            return Self::of_matrix(found.data());
        }
        first
            .side_data(FrameData::DisplayMatrix)
            .map_or(Ok(Self::default()), |found| Self::of_matrix(found.data()))
    }

    /// Whether the container has pictures shown otherwise than they are coded.
    pub(super) fn is_told(stream: &Stream<'_>) -> bool {
        let found = stream.side_data().find(|data| data.kind() == StreamData::DisplayMatrix);
        found.is_some_and(|found| Self::of_matrix(found.data()).map_or(true, |turn| turn != Self::default()))
    }

    /// Reads a display matrix: nine 32-bit numbers, of which the first two of the first two rows say where the
    /// picture's right and its bottom go (16.16 fixed point; see FFmpeg's `display.h`).
    fn of_matrix(bytes: &[u8]) -> Result<Self> {
        let number = |index: usize| {
            let bytes = bytes.get(4 * index..4 * index + 4).and_then(|b| b.try_into().ok());
            f64::from(i32::from_ne_bytes(bytes.unwrap_or_default()))
        };
        let [a, b, c, d] = [0, 1, 3, 4].map(number);
        let determinant = a * d - b * c;
        if determinant == 0.0 {
            return Ok(Self::default());
        }
        let quarters = b.atan2(a) / std::f64::consts::FRAC_PI_2;
        if (quarters - quarters.round()).abs() > 0.02 {
            return Err(Error::Unsupported {
                what: format!("display rotation of {:.1} degrees", quarters * 90.0),
                remedy: "rotate the clip first; only quarter turns are carried out".into(),
            });
        }
        Ok(Self { turned_over: determinant < 0.0, quarter_turns: quarters.round().rem_euclid(4.0) as u8 })
    }

    /// Whether width and height change places.
    pub(super) fn swaps_sides(self) -> bool {
        self.quarter_turns % 2 == 1
    }

    /// The picture upright.
    ///
    /// # Errors
    ///
    /// As [`rotate`].
    pub(super) fn apply(self, frame: Frame) -> Result<Frame> {
        if self == Self::default() {
            return Ok(frame);
        }
        let mut frame = frame;
        if self.turned_over {
            match frame.planes_mut() {
                Planes::U8(planes) => planes.iter_mut().for_each(turn_over),
                Planes::U16(planes) => planes.iter_mut().for_each(turn_over),
            }
        }
        rotate(&frame, self.quarter_turns)
    }
}

fn turn_over<T: Sample>(plane: &mut Plane<T>) {
    let (width, height) = (plane.width(), plane.height());
    let samples = plane.samples_mut();
    for y in 0..height / 2 {
        let (top, bottom) = samples.split_at_mut((height - 1 - y) * width);
        top[y * width..][..width].swap_with_slice(&mut bottom[..width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of([a, b, c, d]: [i32; 4]) -> Result<Orientation> {
        let matrix = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30];
        Orientation::of_matrix(&matrix.map(i32::to_ne_bytes).concat())
    }

    #[test]
    fn a_matrix_names_its_turn() {
        let turns = [[1, 0, 0, 1], [0, 1, -1, 0], [-1, 0, 0, -1], [0, -1, 1, 0]];
        for (quarter_turns, matrix) in (0..).zip(turns) {
            assert_eq!(of(matrix).unwrap(), Orientation { turned_over: false, quarter_turns });
        }
        // A mirror image: right goes left, bottom stays. Turned over and then by a half turn.
        assert_eq!(of([-1, 0, 0, 1]).unwrap(), Orientation { turned_over: true, quarter_turns: 2 });
        assert!(of([1, 1, -1, 1]).is_err());
        assert_eq!(Orientation::of_matrix(b"short").unwrap(), Orientation::default());
    }

    #[test]
    fn a_mirror_image_has_its_rows_reversed() {
        let plane = Plane::from_samples(3, 2, vec![1_u8, 2, 3, 4, 5, 6]).unwrap();
        let format = crate::frame::PixelFormat {
            layout: crate::frame::Layout::Yuv444,
            ..crate::frame::PixelFormat::YUV420_8
        };
        let frame =
            Frame::from_planes(Planes::U8([plane.clone(), plane.clone(), plane]), format, Default::default());
        let turned = of([-1, 0, 0, 1]).unwrap().apply(frame.unwrap()).unwrap();
        let Planes::U8(planes) = turned.planes() else { panic!() };
        assert_eq!(planes[0].samples(), [3, 2, 1, 6, 5, 4]);
    }
}
