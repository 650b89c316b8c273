//! The samples of a frame as bytes, plane by plane and row by row; those of 16 bits are little endian.

use super::{Frame, Planes};

impl Frame {
    /// Puts all samples behind `bytes`: [`byte_len`](Self::byte_len) of them.
    pub(crate) fn append_samples(&self, bytes: &mut Vec<u8>) {
        match self.planes() {
            Planes::U8(planes) => planes.iter().for_each(|plane| bytes.extend_from_slice(plane.samples())),
            Planes::U16(planes) => {
                let samples = planes.iter().flat_map(|plane| plane.samples());
                bytes.extend(samples.flat_map(|sample| sample.to_le_bytes()));
            }
        }
    }

    /// Takes all samples from `bytes`, which hold [`byte_len`](Self::byte_len) of them.
    pub(crate) fn copy_samples(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        match self.planes_mut() {
            Planes::U8(planes) => {
                for plane in planes {
                    let (head, tail) = rest.split_at(plane.samples().len());
                    plane.samples_mut().copy_from_slice(head);
                    rest = tail;
                }
            }
            Planes::U16(planes) => {
                let samples = planes.iter_mut().flat_map(|plane| plane.samples_mut());
                for (sample, bytes) in samples.zip(bytes.as_chunks::<2>().0) {
                    *sample = u16::from_le_bytes(*bytes);
                }
            }
        }
    }
}
