//! The samples of a frame as bytes, plane by plane and row by row; those of 16 bits are little endian.

use super::{Frame, Planes};

impl Frame {
    /// Puts all samples behind `bytes`: [`byte_len`](Self::byte_len) of them.
    pub(crate) fn append_samples(&self, bytes: &mut Vec<u8>) {
        match self.planes() {
            Planes::U8(planes) => planes.iter().for_each(|plane| bytes.extend_from_slice(plane.samples())),
            Planes::U16(planes) => {
                for plane in planes {
                    let start = bytes.len();
                    bytes.resize(start + 2 * plane.samples().len(), 0);
                    for (bytes, sample) in
                        bytes[start..].as_chunks_mut::<2>().0.iter_mut().zip(plane.samples())
                    {
                        *bytes = sample.to_le_bytes();
                    }
                }
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
                for plane in planes {
                    let (head, tail) = rest.split_at(2 * plane.samples().len());
                    for (sample, bytes) in plane.samples_mut().iter_mut().zip(head.as_chunks::<2>().0) {
                        *sample = u16::from_le_bytes(*bytes);
                    }
                    rest = tail;
                }
            }
        }
    }
}
