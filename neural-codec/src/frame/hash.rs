//! A short fingerprint of a picture's samples. How a decoder proves that it got the frame right.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::{Frame, Plane, Planes};

/// XXH3 (64 bits, seed 0) of a picture in canonical form.
///
/// Canonical form: width and height as little-endian `u32`, then planes 0, 1, 2, each row by row without gaps; 8-bit
/// samples as bytes, deeper ones as little-endian `u16`. Color, layout and timestamp are left out: the stream's
/// header carries them. Part of the stream format: a change of value is a change of format.
/// Source: the XXH3 specification of xxHash 0.8.
///
/// ```
/// # use neural_codec::frame::{Color, Frame, FrameHash, PixelFormat};
/// let frame = Frame::new(50, 30, PixelFormat::YUV420_8, Color::default())?;
/// assert_eq!(FrameHash::of(&frame), FrameHash::of(&frame.clone().with_timestamp(7)));
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameHash(pub u64);

impl FrameHash {
    /// The hash of a frame.
    pub fn of(frame: &Frame) -> Self {
        let mut state = Xxh3::new();
        state.update(&(frame.width() as u32).to_le_bytes());
        state.update(&(frame.height() as u32).to_le_bytes());
        match frame.planes() {
            Planes::U8(planes) => planes.iter().for_each(|plane| state.update(plane.samples())),
            Planes::U16(planes) => planes.iter().for_each(|plane| update_u16(&mut state, plane)),
        }
        Self(state.digest())
    }
}

impl FrameHash {
    /// The hash that stands for several frames: XXH3 of their hashes as little-endian `u64`.
    pub fn of_group(hashes: &[Self]) -> u64 {
        let mut state = Xxh3::new();
        hashes.iter().for_each(|hash| state.update(&hash.0.to_le_bytes()));
        state.digest()
    }
}

/// By blocks that stay in the first-level cache.
fn update_u16(state: &mut Xxh3, plane: &Plane<u16>) {
    let mut bytes = [0; 8192];
    for block in plane.samples().chunks(bytes.len() / 2) {
        for (bytes, sample) in bytes.chunks_exact_mut(2).zip(block) {
            bytes.copy_from_slice(&sample.to_le_bytes());
        }
        state.update(&bytes[..2 * block.len()]);
    }
}

impl fmt::Display for FrameHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat};
    use crate::with_planes;

    #[test]
    fn a_change_of_any_sample_changes_the_hash() {
        for format in PixelFormat::ALL {
            let mut frame = Frame::new(5, 3, format, Color::default()).unwrap();
            let mut seen = std::collections::HashSet::from([FrameHash::of(&frame)]);
            for plane in 0..3 {
                let samples = with_planes!(frame.planes(), p => p[plane].samples().len());
                for i in 0..samples {
                    with_planes!(frame.planes_mut(), p => p[plane].samples_mut()[i] = 1);
                    assert!(seen.insert(FrameHash::of(&frame)), "{format} plane {plane} sample {i}");
                    with_planes!(frame.planes_mut(), p => p[plane].samples_mut()[i] = 0);
                }
            }
        }
    }

    #[test]
    fn pictures_of_other_size_hash_differently() {
        let hash = |w, h| FrameHash::of(&Frame::new(w, h, PixelFormat::RGB_8, Color::default()).unwrap());
        assert_ne!(hash(6, 2), hash(3, 4));
    }

    #[test]
    fn the_hash_is_that_of_the_canonical_bytes() {
        for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
            // Planes longer than a block of `update_u16`.
            let mut frame = Frame::new(131, 73, format, Color::default()).unwrap();
            let mut bytes = [131_u32.to_le_bytes(), 73_u32.to_le_bytes()].concat();
            let mut value = 0_u16;
            with_planes!(frame.planes_mut(), p => for sample in p.iter_mut().flat_map(|p| p.samples_mut()) {
                value = (value * 5 + 3) % 251;
                *sample = value as _;
                bytes.push(value as u8);
                if format == PixelFormat::YUV420_10 {
                    bytes.push(0);
                }
            });
            assert_eq!(FrameHash::of(&frame).0, xxhash_rust::xxh3::xxh3_64(&bytes));
        }
    }
}
