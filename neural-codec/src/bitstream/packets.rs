//! Packets in their order, from a whole stream or a part of one: under the readers, which start in different places.

use std::io::Read;

use super::input::PacketInput;
use super::kind::{PACKET_HEADER_BYTES, PacketKind};
use super::order::{Order, Step};
use super::packet_header::PacketHeader;
use super::{FrameHashes, Limits, Packet, SceneHead, SceneHeader, ScenePackets, StreamHeader};
use crate::error::{Error, Place, Result};

/// The packet that opens a scene.
pub(super) enum SceneStart {
    /// Up to version 1.2.
    Header(SceneHeader),
    /// Since then.
    Head(Box<SceneHead>),
}

impl SceneStart {
    /// The packet, given back where it is another.
    pub(super) fn of(packet: Packet) -> Result<Self, Packet> {
        match packet {
            Packet::Scene(header) => Ok(Self::Header(header)),
            Packet::SceneHead(head) => Ok(Self::Head(head)),
            other => Err(other),
        }
    }

    pub(super) fn header(&self) -> &SceneHeader {
        match self {
            Self::Header(header) => header,
            Self::Head(head) => &head.header,
        }
    }
}

/// The packets of a whole stream or of a part of one.
pub(super) struct Packets<R> {
    pub(super) input: PacketInput<R>,
    pub(super) order: Order,
    pub(super) limits: Limits,
    /// A header that `resync` found and whose payload is next.
    found: Option<PacketHeader>,
    /// What reading that header met.
    found_error: Option<Error>,
    /// Whether the last packet could not be used.
    pub(super) failed: bool,
}

impl<R: Read> Packets<R> {
    /// Packets of a source whose first byte lies at `position` in the stream.
    pub(super) fn new(input: R, position: u64, limits: Limits) -> Self {
        let (input, order) = (PacketInput::new(input, position), Order::new(&limits));
        Self { input, order, limits, found: None, found_error: None, failed: false }
    }

    /// Packets of a source that may begin in mid-stream.
    pub(super) fn within_stream(input: R, position: u64, limits: Limits) -> Self {
        let mut packets = Self::new(input, position, limits);
        packets.order.lose();
        packets
    }

    /// Reads the packet behind the signature.
    pub(super) fn read_stream_header(&mut self) -> Result<StreamHeader> {
        let start = self.input.position();
        match self.next_unordered()? {
            Some(Packet::StreamHeader(header)) => Ok(header),
            Some(Packet::Photo(_)) => Err(Error::Unsupported {
                what: "a photo where a clip is expected".into(),
                remedy: "decode it as a picture".into(),
            }),
            other => {
                let found = other.map_or("an unknown packet".into(), |packet| format!("{:?}", packet.kind()));
                Err(Error::corrupt("first packet", "StreamHeader", found, Place::at_offset(start)))
            }
        }
    }

    /// The next packet, whatever came before it; `None` for an unknown one that may be left out.
    pub(super) fn next_unordered(&mut self) -> Result<Option<Packet>> {
        let place = Place::at_offset(self.input.position());
        let header = self.input.read_header()?.ok_or(Error::Truncated { what: "stream", place })?;
        self.read_packet(&header)
    }

    /// The next packet in its right place, `None` after END.
    pub(super) fn next(&mut self, stream: Option<&StreamHeader>) -> Result<Option<Packet>> {
        if self.failed {
            let reason = "the last packet could not be used, and resync was not called or found no other";
            return Err(Error::WrongOrder { call: "next_packet", reason: reason.into() });
        }
        let mut kind = None;
        let result = self.next_of_kind(stream, &mut kind);
        self.failed = result.is_err();
        result.map_err(|error| {
            let outside = kind.is_some_and(|kind| kind.stands_after_a_scene() && !kind.opens_a_scene());
            let scene = self.order.scene().filter(|_| !outside);
            error.within(Place { scene, ..Place::default() })
        })
    }

    /// The header of the next packet, wherever it was met first.
    ///
    /// # Errors
    ///
    /// `Truncated` where the source ends.
    pub(super) fn next_header(&mut self) -> Result<PacketHeader> {
        let place = Place::at_offset(self.input.position());
        match (self.found.take(), self.found_error.take()) {
            (Some(header), _) => Ok(header),
            (None, Some(error)) => Err(error),
            (None, None) => self
                .input
                .read_header()?
                .ok_or(Error::Truncated { what: "stream, which has no END packet", place }),
        }
    }

    /// Whether the next packet is one of this kind; where that cannot be told, reading it tells why.
    pub(super) fn next_is(&mut self, kind: PacketKind) -> bool {
        if self.found.is_none() && !self.failed {
            match self.input.read_header() {
                Ok(found) => self.found = found,
                Err(error) => self.found_error = Some(error),
            }
        }
        self.found.as_ref().is_some_and(|header| header.kind() == Some(kind))
    }

    /// As `next`; `kind` becomes the type of the packet as soon as that is known.
    fn next_of_kind(
        &mut self,
        stream: Option<&StreamHeader>,
        kind: &mut Option<PacketKind>,
    ) -> Result<Option<Packet>> {
        loop {
            let place = Place::at_offset(self.input.position());
            if self.order.step == Step::Nothing {
                return match self.input.is_at_end()? {
                    true => Ok(None),
                    false => {
                        Err(Error::corrupt("end of the stream", "nothing after END", "more bytes", place))
                    }
                };
            }
            let header = self.next_header()?;
            *kind = header.kind();
            let packet = self.read_packet(&header)?;
            let span = header.offset..self.input.position();
            let Some(packet) = packet else {
                self.order.skip(span)?;
                continue;
            };
            if let Some(stream) = stream {
                packet.check_against(stream, header.offset)?;
            }
            self.order.accept(&packet, span)?;
            return Ok(Some(packet));
        }
    }

    /// The scene whose first packet was the last one read.
    pub(super) fn rest_of(
        &mut self,
        first: SceneStart,
        stream: Option<&StreamHeader>,
    ) -> Result<ScenePackets> {
        let head = match first {
            SceneStart::Header(header) => return self.rest_of_scene(header, stream),
            SceneStart::Head(head) => *head,
        };
        match self.next(stream)? {
            Some(Packet::Units(units)) => Ok(head.with_units(units)),
            _ => Err(Error::internal("packet order", "a scene was taken without its units")),
        }
    }

    /// Reads the payload of `header`; `None` for an unknown packet that may be left out.
    pub(super) fn read_packet(&mut self, header: &PacketHeader) -> Result<Option<Packet>> {
        header.check(&self.limits)?;
        let payload = self.input.read_payload(header)?;
        let start = header.offset + PACKET_HEADER_BYTES as u64;
        header.kind().map(|kind| Packet::read(kind, &payload, start, &self.limits)).transpose()
    }

    fn rest_of_scene(&mut self, header: SceneHeader, stream: Option<&StreamHeader>) -> Result<ScenePackets> {
        let (base, mut next) = (self.next(stream)?, self.next(stream)?);
        let mut filter = None;
        if let Some(Packet::NeuralFilter(found)) = next {
            filter = Some(found);
            next = self.next(stream)?;
        }
        match (base, next) {
            (Some(Packet::BaseLayer(base)), Some(Packet::FrameHashes(FrameHashes(hashes)))) => {
                Ok(ScenePackets { header, base, filter, hashes })
            }
            _ => Err(Error::internal("packet order", "a scene was taken without its layers")),
        }
    }

    pub(super) fn resync(&mut self) -> Result<bool> {
        if self.order.step == Step::Nothing {
            return Ok(false);
        }
        if !self.failed && self.found.is_some() {
            return Ok(true);
        }
        self.order.lose();
        self.failed = true;
        while let Some(header) = self.input.find_header()? {
            if header.kind().is_some_and(PacketKind::stands_after_a_scene) {
                self.found = Some(header);
                self.failed = false;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl ScenePackets {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote, and nothing more.
    ///
    /// # Errors
    ///
    /// As of `PacketReader`.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Self::read_at(bytes, 0, limits)
    }

    /// Reads a scene that lies at `offset` in a stream and ends where `input` ends.
    pub(super) fn read_at(input: impl Read, offset: u64, limits: &Limits) -> Result<Self> {
        let mut packets = Packets::within_stream(input, offset, limits.clone());
        let first = packets.next(None)?.map(SceneStart::of).transpose();
        let scene = match first {
            Ok(Some(first)) => packets.rest_of(first, None)?,
            other => {
                let found = other.err().map_or("nothing".into(), |packet| format!("{:?}", packet.kind()));
                let place = Place::at_offset(offset);
                return Err(Error::corrupt("first packet of a scene", "SceneHead or Scene", found, place));
            }
        };
        let end = packets.input.position();
        if !packets.input.is_at_end()? {
            let place = Place { offset: Some(end), scene: Some(scene.header.index), frame: None };
            return Err(Error::corrupt(
                "end of a scene",
                "nothing after its last packet",
                "more bytes",
                place,
            ));
        }
        Ok(scene)
    }
}
