//! Pictures made by formula, the same as in `data/metrics/make.py`.
#![allow(dead_code, clippy::unwrap_used)]

use neural_codec::frame::{BitDepth, Color, Frame, PixelFormat, Plane, Planes, Sample};

/// What `make.py` calls kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Textured,
    Flat,
}

/// A clip and how it is damaged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) kind: Kind,
    pub(crate) format: PixelFormat,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) noise: u32,
    pub(crate) quantum: u32,
}

/// A 32-bit hash: multiply, shift, multiply, shift.
fn mix(value: u32) -> u32 {
    let value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    let value = value ^ (value >> 15);
    let value = value.wrapping_mul(2_246_822_519);
    value ^ (value >> 13)
}

impl Recipe {
    fn source_sample(&self, plane: u32, frame: u32, x: u32, y: u32) -> u32 {
        let peak = u32::from(self.format.depth.max_value());
        if self.kind == Kind::Flat {
            return peak / 16;
        }
        let ramp = (x + 2 * y + 5 * frame + 31 * plane) % 192;
        let ramp = ramp.min(192 - ramp) * peak / 192;
        let steps = (x / 13 + y / 9 + plane) % 3 * peak / 8;
        let grain = mix(x + 4099 * y + 1_000_003 * frame + 7919 * plane) % (peak / 8 + 1);
        ramp + steps + grain * ((x / 32 + y / 32) % 2)
    }

    fn decoded_sample(&self, plane: u32, frame: u32, x: u32, y: u32) -> u32 {
        let value = self.source_sample(plane, frame, x, y) / self.quantum * self.quantum + self.quantum / 2;
        let random = mix(77 + 8209 * x + 3 * y + 500_009 * frame + 104_729 * plane) % (2 * self.noise + 1);
        (value + random).saturating_sub(self.noise).min(u32::from(self.format.depth.max_value()))
    }

    /// Source and decoded frame of one index.
    pub(crate) fn frames(&self, frame: u32) -> (Frame, Frame) {
        let make = |sample: &dyn Fn(u32, u32, u32) -> u32| {
            let planes = if self.format.depth == BitDepth::Eight {
                Planes::U8(self.planes(sample))
            } else {
                Planes::U16(self.planes(sample))
            };
            Frame::from_planes(planes, self.format, Color::default()).unwrap()
        };
        let source = make(&|plane, x, y| self.source_sample(plane, frame, x, y));
        (source, make(&|plane, x, y| self.decoded_sample(plane, frame, x, y)))
    }

    fn planes<T: Sample>(&self, sample: &dyn Fn(u32, u32, u32) -> u32) -> [Plane<T>; 3] {
        let chroma = self.format.chroma_size(self.width, self.height);
        [(0, (self.width, self.height)), (1, chroma), (2, chroma)].map(|(plane, (width, height))| {
            let at = |i: usize| sample(plane, (i % width) as u32, (i / width) as u32);
            let samples = (0..width * height).map(|i| T::saturating_from(at(i) as u16)).collect();
            Plane::from_samples(width, height, samples).unwrap()
        })
    }
}
