//! The units of a scene one by one, each as soon as its bytes came: for readers that do not wait for whole scenes.
//!
//! Beside the packets, of which UNITS is read here in parts. The checksum of the packet is known with its last part.

use std::io::Read;
use std::ops::Range;

use super::bytes::Reader;
use super::input::OpenPayload;
use super::kind::PacketKind;
use super::packets::Packets;
use super::unit_shape::UnitShape;
use super::units::{Shapes, read_count, read_shapes_length};
use crate::error::{Error, Place, Result};

/// Bytes of the longest varint.
const VARINT_BYTES: usize = 10;

/// UNITS in the middle of being read.
pub(super) struct OpenUnits {
    payload: OpenPayload,
    shapes: Shapes,
    /// The shape of the unit whose bytes come next.
    next: Option<UnitShape>,
    count: usize,
    /// Where the packet lies.
    span: Range<u64>,
}

impl OpenUnits {
    /// Reads UNITS up to its first unit, after SCENE_HEAD.
    ///
    /// # Errors
    ///
    /// As of `Packets::next`.
    pub(super) fn begin<R: Read>(packets: &mut Packets<R>) -> Result<Self> {
        let units = packets.begin_units();
        packets.settled(units)
    }

    /// The next unit; the last one is given once the packet is known to be whole and right.
    ///
    /// # Errors
    ///
    /// As of `Packets::next`.
    pub(super) fn next<R: Read>(&mut self, packets: &mut Packets<R>) -> Result<Vec<u8>> {
        let unit = packets.read_unit(self);
        packets.settled(unit)
    }

    /// Whether the last unit was given.
    pub(super) fn is_done(&self) -> bool {
        self.next.is_none()
    }

    /// Bytes that have to come for the next unit.
    pub(super) fn needed(&self) -> u64 {
        self.next.as_ref().map_or(0, UnitShape::stored_bytes)
    }
}

impl<R: Read> Packets<R> {
    fn begin_units(&mut self) -> Result<OpenUnits> {
        let header = loop {
            let header = self.next_header()?;
            match header.kind() {
                Some(PacketKind::Units) => break header,
                Some(kind) => return Err(self.order.out_of_order(kind, Place::at_offset(header.offset))),
                None => {
                    self.read_packet(&header)?;
                    self.order.skip(header.offset..self.input.position())?;
                }
            }
        };
        header.check(&self.limits)?;
        let span = header.offset..self.input.position() + self.input.unread();
        let mut payload = OpenPayload::new(&header);
        let (bytes, start) = self.read_varint(&mut payload)?;
        let count = read_count(&mut Reader::new(&bytes, start), &self.limits)?;
        self.order.check_units(count as usize, &span)?;
        let (bytes, start) = self.read_varint(&mut payload)?;
        let left = usize::try_from(self.input.unread()).unwrap_or(usize::MAX);
        let length = read_shapes_length(&mut Reader::new(&bytes, start), left)?;
        let place = Place::at_offset(self.input.position());
        let shapes = self.input.read_part(&mut payload, length as u64)?;
        let mut shapes = Shapes::new(&shapes, count).map_err(|error| error.within(place))?;
        let next = shapes.next(self.input.unread(), Place::at_offset(self.input.position()))?;
        Ok(OpenUnits { payload, shapes, next, count: count as usize, span })
    }

    /// The bytes of a varint, as far as the payload reaches, and where they lie.
    fn read_varint(&mut self, payload: &mut OpenPayload) -> Result<(Vec<u8>, u64)> {
        let (start, mut bytes) = (self.input.position(), Vec::with_capacity(VARINT_BYTES));
        while bytes.len() < VARINT_BYTES && bytes.last().is_none_or(|byte| byte & 0x80 != 0) {
            match self.input.read_part(payload, 1)?[..] {
                [byte] => bytes.push(byte),
                _ => break,
            }
        }
        Ok((bytes, start))
    }

    fn read_unit(&mut self, open: &mut OpenUnits) -> Result<Vec<u8>> {
        let Some(shape) = open.next.take() else {
            return Err(Error::internal("units", "one was asked for after the last"));
        };
        let stored = self.input.read_part(&mut open.payload, shape.stored_bytes())?;
        let mut unit = Vec::new();
        shape.restore(&stored, &mut unit)?;
        let place = Place::at_offset(self.input.position());
        open.next = open.shapes.next(self.input.unread(), place)?;
        if open.next.is_none() {
            let left = self.input.unread();
            if left > 0 {
                let found = format!("{left} more bytes");
                return Err(Error::corrupt("packet", "the end of the payload", found, place));
            }
            open.payload.check()?;
            let entry = self.order.check_units(open.count, &open.span)?;
            self.order.close_scene(entry);
        }
        Ok(unit)
    }

    /// Remembers a failure, and names the scene in it.
    fn settled<T>(&mut self, result: Result<T>) -> Result<T> {
        self.failed = result.is_err();
        result.map_err(|error| error.within(Place { scene: self.order.scene(), ..Place::default() }))
    }
}
