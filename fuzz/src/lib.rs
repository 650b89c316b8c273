//! What each fuzz target does with its input. Tests run the same bodies on every seed and every past crash.
//!
//! Checksums stop a fuzzer at the door, so the first byte of an input says whether they are made right first.

#![allow(clippy::expect_used)]

use std::io::Cursor;

use neural_codec::bitstream::{
    BaseLayer, EarlyItem, FormatVersion, LAYER_UUID, Limits, NeuralFilter, NeuralLayer, PACKET_HEADER_BYTES,
    Packet, PacketKind, PacketReader, PacketWriter, PhotoPacket, SIGNATURE, SceneHead, ScenePackets,
    SceneReader, StreamHeader, StreamItem, TracksEntry,
};
use neural_codec::decoder::{
    DecoderSettings, DecodingAgent, OnDamage, Received, StreamDecoder, decode_photo,
};
use neural_codec::filter::SceneFilter;
use neural_codec::frame::{Color, Frame, PixelFormat, Planes};
use neural_codec::settings::DeviceChoice;
use neural_codec::wiener::{WienerFilter, WienerWeights, weights_of};

/// Bytes of an END packet.
const END_BYTES: usize = PACKET_HEADER_BYTES + 20;

/// A stream header under right checksums; one that is accepted is written again as the very same bytes.
pub fn header(data: &[u8]) {
    let packet = raw_packet(PacketKind::StreamHeader as u8, 1, data);
    let stream = [&SIGNATURE[..], &packet].concat();
    if let Ok(reader) = PacketReader::new(&stream[..], Limits::default()) {
        let written = Packet::StreamHeader(reader.header().clone()).to_bytes();
        assert_eq!(written.expect("what was read can be written"), packet);
    }
    let _ = PacketReader::new(data, Limits::default());
}

/// A whole stream from front to back, past all damage; one without damage reads the same unit by unit, and is written again and
/// reads the same.
pub fn packets(data: &[u8]) {
    let stream = stream_of(data);
    let (header, items, errors) = salvage(&stream);
    let (early_items, early_errors) = salvage_early(&stream);
    assert!(early_items.len() + early_errors <= 2 * stream.len() + 1, "each step makes progress");
    assert_eq!((errors == 0).then_some(&items), (early_errors == 0).then_some(&early_items));
    assert!(items.len() + errors <= stream.len() + 1, "each step makes progress");
    for item in &items {
        if let StreamItem::Scene(scene) = item {
            let bytes = scene.to_bytes().expect("what was read can be written");
            assert_eq!(&ScenePackets::from_bytes(&bytes, &Limits::default()).expect("and read again"), scene);
        }
    }
    if let (Some(mut header), 0) = (header, errors) {
        header.version = FormatVersion::CURRENT;
        let written = write(&header, &items);
        assert_eq!(salvage(&written), (Some(header), items, 0));
    }
}

/// Scenes in backward order; where reading from the front finds no damage, it finds the same scenes.
pub fn seek(data: &[u8]) {
    let stream = stream_of(data);
    let (_, items, errors) = salvage(&stream);
    let mut from_front: Vec<_> = items
        .into_iter()
        .filter_map(|item| if let StreamItem::Scene(scene) = item { Some(scene) } else { None })
        .collect();
    match SceneReader::open(Cursor::new(&stream), Limits::default()) {
        Ok(mut reader) => {
            for index in (0..reader.scene_count()).rev() {
                let scene = reader.scene(index);
                if errors == 0 {
                    assert_eq!(scene.ok(), from_front.pop());
                }
            }
            assert!(errors > 0 || from_front.is_empty());
        }
        Err(error) => assert!(errors > 0, "read from the front without error, but not opened: {error}"),
    }
}

/// A whole decode, past all damage: nothing but frames and errors comes out, and both are bounded by the input. Pushed, where the
/// second bit of the first byte is set, so that frames come before their scene is there.
pub fn decoder(data: &[u8]) {
    let stream = stream_of(data);
    let mut limits = Limits::default();
    (limits.max_pixels, limits.max_scene_frames) = (1 << 16, 64);
    let settings = DecoderSettings::default()
        .with_threads(1)
        .with_limits(limits)
        .with_on_damage(OnDamage::SkipScene)
        .with_device(DeviceChoice::Cpu);
    if data.first().is_some_and(|mode| mode & 2 == 2) {
        return push(&stream, settings);
    }
    let Ok(mut decoder) = StreamDecoder::new(stream.as_slice(), settings) else { return };
    let mut steps = 0;
    loop {
        match decoder.decode_frame() {
            Ok(None) => break,
            Ok(Some(frame)) => assert_eq!(frame.width(), decoder.header().info.width),
            Err(_) => {}
        }
        steps += 1;
        assert!(steps <= stream.len() + 1, "each step makes progress");
    }
}

fn push(stream: &[u8], settings: DecoderSettings) {
    let mut agent = DecodingAgent::new(settings).expect("a thread");
    let mut pieces = stream.chunks(stream.len() / 8 + 1);
    let mut steps = 0;
    loop {
        match agent.receive_frame() {
            Ok(Received::NeedsData) => match pieces.next() {
                Some(piece) => {
                    assert!(agent.send_data(piece).expect("memory does not fail"), "few bytes wait")
                }
                None => agent.finish().expect("it is told once"),
            },
            Ok(Received::End) => break,
            Ok(Received::Frame(_)) | Err(_) => {}
        }
        steps += 1;
        assert!(steps <= stream.len() + 20, "each step makes progress");
    }
}

/// A filter packet: profile, quantizer, number of steps, half the bytes of differences, then steps, differences and maps. It is
/// refused, or it filters frames; each map that it asks for is read from bytes that are there.
pub fn filter(data: &[u8]) {
    let Some((&[profile, low, high, steps, half], rest)) = data.split_first_chunk() else { return };
    let (steps, rest) = rest.split_at(usize::from(steps % 8).min(rest.len()));
    let (differences, blocks) = rest.split_at((2 * usize::from(half)).min(rest.len()));
    let packet = NeuralFilter {
        profile,
        quantizer: u16::from_le_bytes([low, high]),
        steps: steps.to_vec(),
        differences: differences.to_vec(),
        blocks: blocks.to_vec(),
    };
    if let Ok(Some(weights)) = weights_of(&packet) {
        return wiener(weights);
    }
    let Ok(mut filter) = SceneFilter::new(&packet) else { return };
    let frame = Frame::new(67, 5, PixelFormat::YUV420_10, Color::default()).expect("a small frame");
    for _ in 0..3 {
        if let Ok((filtered, _)) = filter.next(&frame) {
            assert!(filtered.same_shape(&frame));
        }
    }
    let _ = filter.finish();
}

/// Weights that were read are written as bytes that read the same, and filter frames, each once those after it are there.
fn wiener(weights: WienerWeights) {
    let bytes = weights.to_bytes().expect("what was read can be written");
    assert_eq!(WienerWeights::from_bytes(&bytes, weights.reach()).expect("and read again"), weights);
    let mut filter = WienerFilter::new(weights);
    let mut given = 0;
    for number in 0..3 {
        let mut frame = Frame::new(21, 13, PixelFormat::YUV420_10, Color::default()).expect("a small frame");
        if let Planes::U16(planes) = frame.planes_mut() {
            let level = |at: usize| (at * 97 + at * at * number * 31) % 1024;
            planes[0]
                .samples_mut()
                .iter_mut()
                .enumerate()
                .for_each(|(at, sample)| *sample = level(at) as u16);
        }
        given += usize::from(filter.push(frame).expect("memory").is_some());
    }
    while filter.finish().expect("memory").is_some() {
        given += 1;
    }
    assert_eq!(given, 3);
}

/// A photo: refused, or decoded to a picture of its size, and written again as a file that reads the same. It may be shorter:
/// sections that a newer writer added are not kept.
pub fn photo(data: &[u8]) {
    let Some((mode, file)) = data.split_first() else { return };
    let mut file = file.to_vec();
    if mode & 1 == 1 {
        repair(&mut file, SIGNATURE.len());
    }
    let mut limits = Limits::default();
    limits.max_pixels = 1 << 16;
    let Ok(packet) = PhotoPacket::read_file(&file[..], &limits) else { return };
    let written = packet.to_file().expect("what was read can be written");
    assert!(written.len() <= file.len());
    assert_eq!(PhotoPacket::read_file(&written[..], &limits).expect("what was written can be read"), packet);
    let settings =
        DecoderSettings::default().with_threads(1).with_limits(limits).with_device(DeviceChoice::Cpu);
    if let Ok(frame) = decode_photo(&packet, &settings) {
        assert_eq!((frame.width(), frame.height()), (packet.width as usize, packet.height as usize));
    }
}

/// What a container carries of a scene beside its AV1, under a right checksum if the first byte is odd; what is accepted is
/// written again and reads the same.
pub fn layer(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let mut bytes = [&LAYER_UUID[..], rest].concat();
    if mode & 1 == 1 {
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
    }
    let limits = Limits::default();
    if let Ok(Some(layer)) = NeuralLayer::from_bytes(&bytes, &limits) {
        let written = layer.to_bytes().expect("what was read can be written");
        assert_eq!(NeuralLayer::from_bytes(&written, &limits).expect("and read again"), Some(layer));
    }
}

fn salvage(stream: &[u8]) -> (Option<StreamHeader>, Vec<StreamItem>, usize) {
    let (mut items, mut errors) = (Vec::new(), 0);
    let Ok(mut reader) = PacketReader::new(stream, Limits::default()) else { return (None, items, 1) };
    loop {
        match reader.next_item() {
            Ok(Some(item)) => items.push(item),
            Ok(None) => break,
            Err(_) => {
                errors += 1;
                if !reader.resync().expect("memory does not fail") {
                    break;
                }
            }
        }
    }
    (Some(reader.header().clone()), items, errors)
}

/// As `salvage`, with scenes put together from their units.
fn salvage_early(stream: &[u8]) -> (Vec<StreamItem>, usize) {
    let (mut items, mut errors) = (Vec::new(), 0);
    let Ok(mut reader) = PacketReader::new(stream, Limits::default()) else { return (items, 1) };
    let mut next = |reader: &mut PacketReader<&[u8]>| {
        let Some(item) = reader.next_early_item()? else { return Ok(false) };
        let head = match item {
            EarlyItem::Whole(item) => {
                items.push(item);
                return Ok(true);
            }
            EarlyItem::Opened(head) => head,
        };
        let mut base = BaseLayer::new(head.width, head.height, head.depth);
        while let Some(unit) = reader.next_unit()? {
            base.push_unit(&unit)?;
        }
        let SceneHead { header, filter, hashes, .. } = *head;
        items.push(StreamItem::Scene(ScenePackets { header, base, filter, hashes }));
        Ok::<_, neural_codec::Error>(true)
    };
    loop {
        match next(&mut reader) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => {
                errors += 1;
                if !reader.resync().expect("memory does not fail") {
                    break;
                }
            }
        }
    }
    (items, errors)
}

fn write(header: &StreamHeader, items: &[StreamItem]) -> Vec<u8> {
    let mut writer =
        PacketWriter::new(Vec::new(), header, Limits::default()).expect("a header that was read");
    for item in items {
        match item {
            StreamItem::Scene(scene) => writer.write_scene(scene).expect("a scene that was read"),
            StreamItem::Audio(audio) => writer.write_audio(audio).expect("audio that was read"),
            StreamItem::Subtitle(packet) => writer
                .write_entries(vec![TracksEntry::SubtitlePacket(packet.clone())])
                .expect("a packet that was read"),
            StreamItem::LastDuration(duration) => {
                writer.write_entries(vec![TracksEntry::LastDuration(*duration)]).expect("a number")
            }
        }
    }
    writer.finish().expect("memory does not fail")
}

/// The stream in an input: what follows the first byte, with checksums made right if that is odd.
fn stream_of(data: &[u8]) -> Vec<u8> {
    let Some((mode, stream)) = data.split_first() else { return Vec::new() };
    let mut stream = stream.to_vec();
    if mode & 1 == 1 {
        let mut start = SIGNATURE.len();
        while let Some(end) = repair(&mut stream, start) {
            start = end;
        }
        if let Some(end) = stream.len().checked_sub(END_BYTES) {
            repair(&mut stream, end);
            let offset = u64::from_le_bytes(std::array::from_fn(|i| stream[stream.len() - 8 + i]));
            repair(&mut stream, usize::try_from(offset).unwrap_or(usize::MAX));
        }
    }
    stream
}

/// Makes the checksums of the packet at `start` right; gives its end if it lies in the stream.
fn repair(stream: &mut [u8], start: usize) -> Option<usize> {
    let packet = stream.get_mut(start..)?;
    let (header, payload) = packet.split_at_mut_checked(PACKET_HEADER_BYTES)?;
    let length = u32::from_le_bytes(std::array::from_fn(|i| header[4 + i])) as usize;
    let payload = payload.get(..length);
    if let Some(payload) = payload {
        header[8..12].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    }
    let crc = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&crc.to_le_bytes());
    payload.map(|payload| start + PACKET_HEADER_BYTES + payload.len())
}

fn raw_packet(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind, flags, 0, 0];
    packet.extend((payload.len() as u32).to_le_bytes());
    packet.extend([0; 8]);
    packet.extend(payload);
    repair(&mut packet, 0);
    packet
}
