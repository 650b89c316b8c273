//! A stream in, packet by packet or scene by scene, from a source that need not seek.

use std::io::Read;

use super::input::PacketInput;
use super::order::{Order, Step};
use super::packet::{PACKET_HEADER_BYTES, PacketHeader};
use super::{AudioPacket, FrameHashes, Limits, Packet, PacketKind, ScenePackets, StreamHeader};
use crate::error::{Error, Place, Result};

/// What a decoder takes from a stream, in the stream's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// A whole scene.
    Scene(ScenePackets),
    /// A compressed audio packet.
    Audio(AudioPacket),
}

/// Reads a stream from front to back and checks all that it says about itself.
///
/// ```
/// # use neural_codec::bitstream::{Limits, PacketReader};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// # let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// # let frames = (0..5).map(|i| Frame::new(64, 48, info.format, Color::default()).unwrap().with_timestamp(i));
/// # let mut settings = neural_codec::settings::Settings::default();
/// # settings.set("effort", "0")?;
/// # let mut agent = neural_codec::encoder::EncodingAgent::new(info, &settings)?;
/// # frames.into_iter().try_for_each(|frame| agent.send_frame(frame))?;
/// # agent.finish()?;
/// # let mut stream = Vec::new();
/// # while let Some(bytes) = agent.receive_packet()? { stream.extend(bytes) }
/// # let (mut items, mut lost) = (0, Vec::new());
/// let mut reader = PacketReader::new(stream.as_slice(), Limits::default())?;
/// loop {
///     match reader.next_item() {
///         Ok(Some(item)) => items += 1,
///         Ok(None) => break, // whole and right to the last byte
///         Err(error) => {
///             lost.push(error); // names the scene that is lost
///             if !reader.resync()? {
///                 break; // else on with the next one that is intact
///             }
///         }
///     }
/// }
/// # assert!(items == 1 && lost.is_empty());
/// # Ok::<(), neural_codec::Error>(())
/// ```
pub struct PacketReader<R> {
    header: StreamHeader,
    packets: Packets<R>,
}

impl<R: Read> PacketReader<R> {
    /// Reads the signature and the stream header. Damage in these costs the stream.
    pub fn new(input: R, limits: Limits) -> Result<Self> {
        let mut packets = Packets::new(input, 0, limits);
        packets.input.read_signature()?;
        let header = packets.read_stream_header()?;
        Ok(Self { header, packets })
    }

    /// What holds for the whole stream.
    pub fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// Offset of the next byte that will be read.
    pub fn position(&self) -> u64 {
        self.packets.input.position()
    }

    /// The next packet after the stream header, `None` after END and nothing behind it.
    ///
    /// # Errors
    ///
    /// `Truncated` where the stream stops before END; `Corrupt`, `LimitExceeded` or `Unsupported` for a
    /// packet that cannot be used; each with its offset and scene. Then [`resync`](Self::resync) is due.
    pub fn next_packet(&mut self) -> Result<Option<Packet>> {
        self.packets.next(Some(&self.header))
    }

    /// The next whole scene or audio packet, `None` after END.
    ///
    /// # Errors
    ///
    /// As [`next_packet`](Self::next_packet).
    pub fn next_item(&mut self) -> Result<Option<StreamItem>> {
        while let Some(packet) = self.next_packet()? {
            match packet {
                Packet::Audio(audio) => return Ok(Some(StreamItem::Audio(audio))),
                Packet::Scene(header) => {
                    let scene = self.packets.rest_of_scene(header, Some(&self.header))?;
                    return Ok(Some(StreamItem::Scene(scene)));
                }
                Packet::SceneTable(_) | Packet::End(_) => {}
                other => return Err(wrong_call(other.kind())),
            }
        }
        Ok(None)
    }

    /// After an error: steps to the next intact scene, audio packet, scene table or END; false if there is none.
    ///
    /// What lay between is lost; the next scene may have a larger index than expected. The cost is linear in
    /// the bytes stepped over, and each call makes progress.
    pub fn resync(&mut self) -> Result<bool> {
        self.packets.resync()
    }
}

fn wrong_call(kind: PacketKind) -> Error {
    let reason = format!("{kind:?} is due, because next_packet was called in the middle of a scene");
    Error::WrongOrder { call: "next_item", reason }
}

/// The packets of a whole stream or of a part of one.
pub(super) struct Packets<R> {
    pub(super) input: PacketInput<R>,
    order: Order,
    limits: Limits,
    /// A header that `resync` found and whose payload is next.
    found: Option<PacketHeader>,
    /// Whether the last packet could not be used.
    failed: bool,
}

impl<R: Read> Packets<R> {
    /// Packets of a source whose first byte lies at `position` in the stream.
    pub(super) fn new(input: R, position: u64, limits: Limits) -> Self {
        let (input, order) = (PacketInput::new(input, position), Order::new(&limits));
        Self { input, order, limits, found: None, failed: false }
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
            let outside = matches!(kind, Some(PacketKind::Audio | PacketKind::SceneTable | PacketKind::End));
            let scene = self.order.scene().filter(|_| !outside);
            error.within(Place { scene, ..Place::default() })
        })
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
            let header = match self.found.take() {
                Some(header) => header,
                None => self
                    .input
                    .read_header()?
                    .ok_or(Error::Truncated { what: "stream, which has no END packet", place })?,
            };
            *kind = header.kind();
            let packet = self.read_packet(&header)?;
            let span = header.offset..self.input.position();
            let Some(packet) = packet else {
                self.order.skip(span)?;
                continue;
            };
            if let Some(stream) = stream {
                stream.check_packet(&packet, header.offset)?;
            }
            self.order.accept(&packet, span)?;
            return Ok(Some(packet));
        }
    }

    /// Reads the payload of `header`; `None` for an unknown packet that may be left out.
    fn read_packet(&mut self, header: &PacketHeader) -> Result<Option<Packet>> {
        header.check(&self.limits)?;
        let payload = self.input.read_payload(header)?;
        let start = header.offset + PACKET_HEADER_BYTES as u64;
        header.kind().map(|kind| Packet::read(kind, &payload, start, &self.limits)).transpose()
    }

    /// The scene whose SCENE packet was the last one read.
    pub(super) fn rest_of_scene(
        &mut self,
        header: super::SceneHeader,
        stream: Option<&StreamHeader>,
    ) -> Result<ScenePackets> {
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
            use PacketKind::{Audio, End, Scene, SceneTable};
            if matches!(header.kind(), Some(Scene | Audio | SceneTable | End)) {
                self.found = Some(header);
                self.failed = false;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
