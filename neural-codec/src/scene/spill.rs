//! Source frames that wait on disk, of all scenes in one temporary file: a file a scene would end at the files that a process may open.

use std::fs::File;
use std::os::unix::fs::FileExt;
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
    file: Arc<File>,
    /// Places up to here are, or were, taken. Units: frames.
    end: u64,
    /// Places before it that are free.
    free: Vec<u64>,
    /// Any frame: size, format and color of all of them.
    model: Arc<Frame>,
    /// Memory of frames that were on their way.
    spare: Vec<Vec<u8>>,
}

/// A frame on disk, whose place is free once this is dropped.
#[derive(Debug)]
pub(super) struct SpilledFrame {
    spill: Arc<Spill>,
    place: u64,
    timestamp: i64,
}

/// What it takes to read or write a frame, without the lock.
struct Way {
    file: Arc<File>,
    model: Arc<Frame>,
    bytes: Vec<u8>,
}

impl Spill {
    /// Keeps a frame.
    ///
    /// # Errors
    ///
    /// `Io` where the disk is full; `Internal` for a frame of another size than the first.
    pub(super) fn keep(self: &Arc<Self>, frame: &Frame) -> Result<SpilledFrame> {
        let (mut way, place) = {
            let mut store = lock(&self.store);
            let store = match &mut *store {
                Some(store) => store,
                empty => empty.insert(Store::new(frame)?),
            };
            if frame.byte_len() != store.model.byte_len() {
                return Err(Error::internal("scene frames", "a frame of another size"));
            }
            (store.way()?, store.place())
        };
        let kept = SpilledFrame { spill: Arc::clone(self), place, timestamp: frame.timestamp };
        way.bytes.clear();
        frame.append_samples(&mut way.bytes);
        way.file.write_all_at(&way.bytes, way.offset(place)).map_err(disk_error)?;
        self.give_back(way);
        Ok(kept)
    }

    fn give_back(&self, way: Way) {
        if let Some(store) = &mut *lock(&self.store) {
            store.spare.push(way.bytes);
        }
    }
}

impl SpilledFrame {
    /// The frame.
    ///
    /// # Errors
    ///
    /// `Io` where it cannot be read back.
    pub(super) fn read(&self) -> Result<Frame> {
        let way = lock(&self.spill.store).as_mut().map(Store::way).transpose()?;
        let mut way = way.ok_or_else(|| Error::internal("scene frames", "no file of frames"))?;
        way.bytes.resize(way.model.byte_len(), 0);
        let offset = way.offset(self.place);
        way.file.read_exact_at(&mut way.bytes, offset).map_err(disk_error)?;
        let model = &way.model;
        let mut frame = Frame::to_fill(model.width(), model.height(), model.format(), model.color())?;
        frame.copy_samples(&way.bytes);
        self.spill.give_back(way);
        Ok(frame.with_timestamp(self.timestamp))
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
        let file = Arc::new(tempfile::tempfile().map_err(disk_error)?);
        Ok(Self { file, end: 0, free: Vec::new(), model: Arc::new(model.try_clone()?), spare: Vec::new() })
    }

    fn way(&mut self) -> Result<Way> {
        let bytes = match self.spare.pop() {
            Some(bytes) => bytes,
            None => memory::reserved("a frame on its way to disk", self.model.byte_len())?,
        };
        Ok(Way { file: Arc::clone(&self.file), model: Arc::clone(&self.model), bytes })
    }

    /// A place for a frame.
    fn place(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.end += 1;
            self.end - 1
        })
    }
}

impl Way {
    /// Where a place begins in the file.
    fn offset(&self, place: u64) -> u64 {
        place * self.model.byte_len() as u64
    }
}

fn disk_error(source: std::io::Error) -> Error {
    Error::io(std::env::temp_dir(), source)
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
