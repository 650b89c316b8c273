//! Source frames that wait on disk, of all scenes in one temporary file: a file a scene would end at the files that a process may open.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::memory;
use crate::threads::lock;

/// A temporary file of raw frames of one size, made for the first of them and gone when dropped.
#[derive(Debug, Default)]
pub(super) struct Spill {
    store: Mutex<Option<Store>>,
}

#[derive(Debug)]
struct Store {
    file: File,
    /// Places up to here are, or were, taken. Units: frames.
    end: u64,
    /// Places before it that are free.
    free: Vec<u64>,
    /// Any frame: size, format and color of all of them.
    model: Frame,
    /// A frame on its way, from the memory of the one before.
    bytes: Vec<u8>,
}

/// A frame on disk, whose place is free once this is dropped.
#[derive(Debug)]
pub(super) struct SpilledFrame {
    spill: Arc<Spill>,
    place: u64,
    timestamp: i64,
}

impl Spill {
    /// Keeps a frame.
    ///
    /// # Errors
    ///
    /// `Io` where the disk is full; `Internal` for a frame of another size than the first.
    pub(super) fn keep(self: &Arc<Self>, frame: &Frame) -> Result<SpilledFrame> {
        let mut store = lock(&self.store);
        let store = match &mut *store {
            Some(store) => store,
            empty => empty.insert(Store::new(frame)?),
        };
        let place = store.write(frame)?;
        Ok(SpilledFrame { spill: Arc::clone(self), place, timestamp: frame.timestamp })
    }
}

impl SpilledFrame {
    /// The frame.
    ///
    /// # Errors
    ///
    /// `Io` where it cannot be read back.
    pub(super) fn read(&self) -> Result<Frame> {
        let mut store = lock(&self.spill.store);
        let store = store.as_mut().ok_or_else(|| Error::internal("scene frames", "no file of frames"))?;
        store.read(self.place).map(|frame| frame.with_timestamp(self.timestamp))
    }
}

impl Drop for SpilledFrame {
    fn drop(&mut self) {
        if let Some(store) = &mut *lock(&self.spill.store) {
            store.free.push(self.place);
        }
    }
}

impl Store {
    fn new(model: &Frame) -> Result<Self> {
        let file = tempfile::tempfile().map_err(|source| Error::io(std::env::temp_dir(), source))?;
        let bytes = memory::reserved("a frame on its way to disk", model.byte_len())?;
        Ok(Self { file, end: 0, free: Vec::new(), model: model.try_clone()?, bytes })
    }

    /// Where a place begins in the file.
    fn offset(&self, place: u64) -> SeekFrom {
        SeekFrom::Start(place * self.model.byte_len() as u64)
    }

    /// The place that the frame has got.
    fn write(&mut self, frame: &Frame) -> Result<u64> {
        if frame.byte_len() != self.model.byte_len() {
            return Err(Error::internal("scene frames", "a frame of another size"));
        }
        self.bytes.clear();
        frame.append_samples(&mut self.bytes);
        let place = self.free.last().copied().unwrap_or(self.end);
        let offset = self.offset(place);
        (self.file.seek(offset).and_then(|_| self.file.write_all(&self.bytes)))
            .map_err(|source| Error::io(std::env::temp_dir(), source))?;
        if self.free.pop().is_none() {
            self.end += 1;
        }
        Ok(place)
    }

    fn read(&mut self, place: u64) -> Result<Frame> {
        self.bytes.resize(self.model.byte_len(), 0);
        let offset = self.offset(place);
        (self.file.seek(offset).and_then(|_| self.file.read_exact(&mut self.bytes)))
            .map_err(|source| Error::io(std::env::temp_dir(), source))?;
        let model = &self.model;
        let mut frame = Frame::to_fill(model.width(), model.height(), model.format(), model.color())?;
        frame.copy_samples(&self.bytes);
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat, Planes};

    fn frame(width: usize, value: u8) -> Frame {
        let mut frame = Frame::new(width, 4, PixelFormat::YUV420_8, Color::default()).unwrap();
        if let Planes::U8(planes) = frame.planes_mut() {
            planes.iter_mut().for_each(|plane| plane.samples_mut().fill(value));
        }
        frame.with_timestamp(i64::from(value))
    }

    #[test]
    fn places_that_are_free_are_taken_again() {
        let spill = Arc::new(Spill::default());
        let mut kept: Vec<SpilledFrame> = (0..4).map(|value| spill.keep(&frame(6, value)).unwrap()).collect();
        kept.remove(1);
        kept.extend((4..6).map(|value| spill.keep(&frame(6, value)).unwrap()));
        let places: Vec<u64> = kept.iter().map(|frame| frame.place).collect();
        assert_eq!(places, [0, 2, 3, 1, 4]);
        for (kept, value) in kept.iter().zip([0, 2, 3, 4, 5]) {
            assert_eq!(kept.read().unwrap(), frame(6, value));
        }
        assert!(spill.keep(&frame(8, 0)).is_err());
    }
}
