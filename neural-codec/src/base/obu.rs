//! Reads what lies around the coded tiles of AV1, and refuses what the encoder here never writes.
//!
//! The decoder behind this is a large piece of C; what reaches it has been reduced to one plain picture a unit,
//! of the size and format that the caller expects.
//! Source: AV1 Bitstream & Decoding Process Specification, version 1.0.0 with errata 1, sections 5.3 to 5.9.

use super::hdr::{HDR_CLL, HDR_MDCV, hdr_payloads};
use crate::bitstream::Tracks;
use crate::error::{Error, Place, Result};

/// Frames in one temporal unit, hidden ones included; as many as AV1 can keep, and the shown one.
const MAX_FRAMES: u32 = 9;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const TILE_GROUP: u8 = 4;
const METADATA: u8 = 5;
const FRAME: u8 = 6;
const PADDING: u8 = 15;

/// Metadata of ITU-T T.35 (6.7.1).
const ITUT_T35: u8 = 4;
/// Country and provider of our messages. Codes are assigned nationally, so readers go by what follows them.
const T35_CODES: [u8; 3] = [0xB5, 0x4E, 0x43];
/// One bit and the zeros that fill its byte (5.3.4).
const TRAILING_BITS: u8 = 0x80;

/// What a sequence header says about the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SequenceHeader {
    /// Profile: 0 main, 1 high, 2 professional.
    pub profile: u8,
    /// Largest width of a frame.
    pub width: u32,
    /// Largest height of a frame.
    pub height: u32,
    /// Bits of a sample: 8, 10 or 12.
    pub bits: u8,
    /// Whether there is chroma, at half width and half height.
    pub is_420: bool,
    /// Whether frames may carry film grain parameters.
    pub film_grain: bool,
    /// A still picture whose frame header leaves most fields out.
    reduced: bool,
}

/// What a temporal unit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnitInfo {
    /// The sequence header, if the unit carries one.
    pub sequence: Option<SequenceHeader>,
    /// Whether decoding can begin here: a sequence header and a shown key frame.
    pub is_key: bool,
    /// Frames in the unit, hidden ones included.
    pub frames: u32,
}

/// Reads a temporal unit and checks that it shows exactly one frame.
///
/// `sequence` is the header in force, if one came before.
///
/// # Errors
///
/// `Corrupt` or `Truncated` with the byte offset in the unit.
pub fn probe(unit: &[u8], mut sequence: Option<SequenceHeader>) -> Result<UnitInfo> {
    let mut info = UnitInfo { sequence: None, is_key: false, frames: 0 };
    let (mut offset, mut shown) = (0, 0);
    while offset < unit.len() {
        let place = Place::at_offset(offset as u64);
        let corrupt = |what, expected: &str, found: u32| Err(Error::corrupt(what, expected, found, place));
        let (kind, payload, next) = read_obu(unit, offset)?;
        match kind {
            SEQUENCE_HEADER => {
                let header = read_sequence_header(payload).map_err(|e| e.within(place))?;
                if sequence.is_some_and(|s| s != header) || info.frames > 0 {
                    return Err(Error::corrupt(
                        "AV1 sequence header",
                        "one for the whole scene",
                        "another",
                        place,
                    ));
                }
                sequence = Some(header);
                info.sequence = Some(header);
            }
            FRAME_HEADER | FRAME => {
                let Some(sequence) = sequence else {
                    return Err(Error::corrupt("AV1 unit", "a sequence header", "a frame before it", place));
                };
                let frame = read_frame_header(payload, &sequence, kind).map_err(|e| e.within(place))?;
                info.frames += 1;
                if shown > 0 || info.frames > MAX_FRAMES {
                    return corrupt("AV1 unit", "one shown frame, as its last", info.frames);
                }
                shown += u32::from(frame.shown);
                info.is_key |= frame.is_key && frame.shown && info.sequence.is_some();
            }
            TILE_GROUP if info.frames == 0 => {
                return corrupt("AV1 unit", "a frame header before tiles", u32::from(kind));
            }
            TILE_GROUP | METADATA | PADDING => {}
            _ => return corrupt("AV1 unit type", "1, 3 to 6 or 15", u32::from(kind)),
        }
        offset = next;
    }
    if shown != 1 {
        return Err(Error::corrupt("AV1 unit", "one shown frame", shown, Place::at_offset(offset as u64)));
    }
    Ok(info)
}

/// The payload of the sequence header that a temporal unit holds: equal for all units that one decoder can take in a row.
///
/// # Errors
///
/// `Corrupt` or `Truncated` with the byte offset in the unit, also where there is none.
pub fn sequence_header(unit: &[u8]) -> Result<Vec<u8>> {
    let (start, _) = sequence_header_span(unit)?;
    read_obu(unit, start).map(|(_, payload, _)| payload.to_vec())
}

/// The sequence header OBU of a temporal unit, with its own header: what containers keep of a stream.
///
/// # Errors
///
/// As [`sequence_header`].
pub fn sequence_header_obu(unit: &[u8]) -> Result<&[u8]> {
    sequence_header_span(unit).map(|(start, end)| &unit[start..end])
}

fn sequence_header_span(unit: &[u8]) -> Result<(usize, usize)> {
    let mut offset = 0;
    while offset < unit.len() {
        let (kind, _, next) = read_obu(unit, offset)?;
        if kind == SEQUENCE_HEADER {
            return Ok((offset, next));
        }
        offset = next;
    }
    Err(Error::corrupt("AV1 unit", "a sequence header", "none", Place::at_offset(offset as u64)))
}

/// Puts a T.35 message into a temporal unit, behind its sequence header and before its first frame.
///
/// # Errors
///
/// `Corrupt` or `Truncated` where the unit holds no sequence header.
pub fn insert_message(unit: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    let (_, at) = sequence_header_span(unit)?;
    let mut payload = vec![ITUT_T35];
    payload.extend(T35_CODES);
    payload.extend_from_slice(message);
    // Players stumble over an empty payload and over a missing end.
    payload.push(TRAILING_BITS);
    let mut out = Vec::with_capacity(unit.len() + payload.len() + 10);
    out.extend_from_slice(&unit[..at]);
    write_obu(&mut out, METADATA, &payload);
    out.extend_from_slice(&unit[at..]);
    Ok(out)
}

/// The same unit with what tracks say of HDR behind its sequence header.
///
/// # Errors
///
/// As [`insert_message`].
pub fn insert_hdr(unit: &[u8], tracks: &Tracks) -> Result<Vec<u8>> {
    let (_, at) = sequence_header_span(unit)?;
    let mut out = unit[..at].to_vec();
    for mut payload in hdr_payloads(tracks) {
        payload.push(TRAILING_BITS);
        write_obu(&mut out, METADATA, &payload);
    }
    out.extend_from_slice(&unit[at..]);
    Ok(out)
}

/// A temporal unit out of a container, as streams hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignUnit {
    /// Its OBUs, each with its size; temporal delimiters, padding and the messages are left out.
    pub data: Vec<u8>,
    /// T.35 messages that begin with the marker, in order, the marker included.
    pub messages: Vec<Vec<u8>>,
    /// Payloads of metadata OBUs of HDR, which are left out of `data` too.
    pub hdr: Vec<Vec<u8>>,
}

/// Takes apart a temporal unit that another program may have written: the last OBU need not say its size.
///
/// # Errors
///
/// `Corrupt` or `Truncated` with the byte offset in the unit.
pub fn take_apart(unit: &[u8], marker: &[u8]) -> Result<ForeignUnit> {
    let mut found =
        ForeignUnit { data: Vec::with_capacity(unit.len()), messages: Vec::new(), hdr: Vec::new() };
    let mut offset = 0;
    while offset < unit.len() {
        let has_size = unit[offset] & 2 != 0;
        let (kind, payload, next) = match has_size {
            true => read_obu(unit, offset)?,
            false => read_last_obu(unit, offset)?,
        };
        match kind {
            TEMPORAL_DELIMITER | PADDING => {}
            METADATA if matches!(payload.first(), Some(&(HDR_CLL | HDR_MDCV))) => {
                found.hdr.push(payload.to_vec());
            }
            METADATA => match message(payload, marker) {
                Some(message) => found.messages.push(message.to_vec()),
                None => write_obu(&mut found.data, kind, payload),
            },
            _ if has_size => found.data.extend_from_slice(&unit[offset..next]),
            _ => write_obu(&mut found.data, kind, payload),
        }
        offset = next;
    }
    Ok(found)
}

/// The T.35 message in a metadata OBU, where it begins with `marker` behind the codes of country and provider.
fn message<'a>(payload: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    let (&kind, rest) = payload.split_first()?;
    if kind != ITUT_T35 {
        return None;
    }
    // One byte of country, another where that is FF, and what the country assigns: two bytes as a rule.
    let start = (1..=4).find(|&start| rest.get(start..).is_some_and(|rest| rest.starts_with(marker)))?;
    let end = rest.iter().rposition(|&byte| byte != 0)?;
    (rest[end] == TRAILING_BITS).then(|| rest.get(start..end)).flatten()
}

fn write_obu(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.push(kind << 3 | 2);
    let mut size = payload.len();
    while size >= 0x80 {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
    out.extend_from_slice(payload);
}

/// An OBU that reaches to the end of its unit, which containers allow.
fn read_last_obu(unit: &[u8], offset: usize) -> Result<(u8, &[u8], usize)> {
    let place = Place::at_offset(offset as u64);
    let header = unit[offset];
    if header & 0x85 != 0 {
        return Err(Error::corrupt("AV1 unit header", "reserved bits 0 and one layer", header, place));
    }
    Ok((header >> 3 & 15, &unit[offset + 1..], unit.len()))
}

/// One open bitstream unit (5.3): its type, its payload, and where the next begins.
fn read_obu(unit: &[u8], offset: usize) -> Result<(u8, &[u8], usize)> {
    let place = Place::at_offset(offset as u64);
    let truncated = || Error::Truncated { what: "AV1 unit", place };
    let header = *unit.get(offset).ok_or_else(truncated)?;
    let (kind, has_extension, has_size) = (header >> 3 & 15, header & 4 != 0, header & 2 != 0);
    if header & 0x81 != 0 || !has_size {
        return Err(Error::corrupt("AV1 unit header", "reserved bits 0 and a size", header, place));
    }
    let mut at = offset + 1;
    if has_extension {
        let extension = *unit.get(at).ok_or_else(truncated)?;
        at += 1;
        if extension & 0x1f != 0 {
            return Err(Error::corrupt("AV1 spatial layer", "0", extension >> 3 & 3, place));
        }
    }
    let mut size = 0_u64;
    for byte in 0.. {
        let value = *unit.get(at).ok_or_else(truncated)?;
        at += 1;
        size |= u64::from(value & 0x7f) << (7 * byte);
        if value & 0x80 == 0 {
            break;
        }
        if byte == 7 {
            return Err(Error::corrupt("AV1 unit size", "at most 8 bytes", "more", place));
        }
    }
    let end = usize::try_from(size).ok().and_then(|s| at.checked_add(s)).ok_or_else(truncated)?;
    Ok((kind, unit.get(at..end).ok_or_else(truncated)?, end))
}

/// `sequence_header_obu` (5.5.1), up to the film grain flag.
fn read_sequence_header(payload: &[u8]) -> Result<SequenceHeader> {
    let mut r = Bits { bytes: payload, at: 0 };
    let profile = r.take(3)? as u8;
    let _still = r.take(1)?;
    let reduced = r.flag()?;
    if reduced {
        r.take(5)?;
    } else {
        read_operating_points(&mut r)?;
    }
    let (width_bits, height_bits) = (r.take(4)? + 1, r.take(4)? + 1);
    let (width, height) = (r.take(width_bits)? + 1, r.take(height_bits)? + 1);
    if !reduced && r.flag()? {
        r.take(7)?; // lengths of frame identifiers
    }
    r.take(3)?; // 128x128 superblocks, filter intra, intra edge filter
    if !reduced {
        r.take(4)?; // inter-intra, masks, warping, dual filter
        let order_hint = r.flag()?;
        if order_hint {
            r.take(2)?; // weighted by distance, reference motion vectors
        }
        let screen_content = if r.flag()? { 2 } else { r.take(1)? };
        if screen_content > 0 && !r.flag()? {
            r.take(1)?; // integer motion vectors
        }
        if order_hint {
            r.take(3)?;
        }
    }
    r.take(3)?; // super-resolution, CDEF, restoration
    let (bits, is_420) = read_color_config(&mut r, profile)?;
    let film_grain = r.flag()?;
    Ok(SequenceHeader { profile, width, height, bits, is_420, film_grain, reduced })
}

/// Timing, decoder model and operating points: the part of 5.5.1 that is nothing to us but its length.
fn read_operating_points(r: &mut Bits) -> Result<()> {
    let mut delay_bits = None;
    if r.flag()? {
        r.take(32)?;
        r.take(32)?;
        if r.flag()? {
            let mut zeros = 0; // uvlc, 4.10.3
            while !r.flag()? {
                zeros = u32::saturating_add(zeros, 1);
            }
            r.take(if zeros < 32 { zeros } else { 0 })?;
        }
        if r.flag()? {
            delay_bits = Some(r.take(5)? + 1);
            r.take(32)?;
            r.take(10)?;
        }
    }
    let display_delay = r.flag()?;
    for _ in 0..=r.take(5)? {
        r.take(12)?;
        if r.take(5)? > 7 {
            r.take(1)?; // tier
        }
        if let Some(bits) = delay_bits
            && r.flag()?
        {
            r.take(bits)?;
            r.take(bits)?;
            r.take(1)?;
        }
        if display_delay && r.flag()? {
            r.take(4)?;
        }
    }
    Ok(())
}

/// `color_config` (5.5.2): bits of a sample, and whether chroma is 4:2:0.
fn read_color_config(r: &mut Bits, profile: u8) -> Result<(u8, bool)> {
    let high = r.flag()?;
    let twelve = profile == 2 && high && r.flag()?;
    let bits = match (twelve, high) {
        (true, _) => 12,
        (_, true) => 10,
        _ => 8,
    };
    let monochrome = profile != 1 && r.flag()?;
    let description = if r.flag()? { r.take(24)? } else { 0x02_0202 };
    if monochrome {
        r.take(1)?; // range
        return Ok((bits, false));
    }
    // BT.709 primaries with the sRGB curve and the identity matrix mean RGB.
    let is_420 = description != 0x01_0d00;
    if is_420 {
        r.take(1)?; // range
        if profile != 0 {
            // What follows in profile 2 depends on its layout, and is nothing to us.
            r.take(u32::from(profile == 1))?; // separate quantizers of U and V
            return Ok((bits, false));
        }
        r.take(2)?; // chroma position
    }
    r.take(1)?; // separate quantizers of U and V
    Ok((bits, is_420))
}

struct FrameStart {
    shown: bool,
    is_key: bool,
}

/// The first bits of `uncompressed_header` (5.9.2).
fn read_frame_header(payload: &[u8], sequence: &SequenceHeader, kind: u8) -> Result<FrameStart> {
    let mut r = Bits { bytes: payload, at: 0 };
    if sequence.reduced {
        return Ok(FrameStart { shown: true, is_key: true });
    }
    if r.flag()? {
        if kind == FRAME {
            return Err(Error::corrupt("AV1 frame", "a new frame", "one shown again", Place::default()));
        }
        return Ok(FrameStart { shown: true, is_key: false });
    }
    let is_key = r.take(2)? == 0;
    Ok(FrameStart { shown: r.flag()?, is_key })
}

/// Bits from the most significant on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32.
    fn take(&mut self, count: u32) -> Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self
                .bytes
                .get(self.at / 8)
                .ok_or(Error::Truncated { what: "AV1 header", place: Place::default() })?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn flag(&mut self) -> Result<bool> {
        Ok(self.take(1)? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MARKER: &[u8] = b"marker";
    /// A delimiter, a sequence header, a frame, padding.
    const UNIT: &[u8] = &[0x12, 0, 0x0A, 3, 7, 8, 9, 0x32, 1, 5, 0x7A, 1, 0];

    #[test]
    fn the_sequence_header_is_found_behind_other_units() {
        assert_eq!(sequence_header_obu(UNIT).unwrap(), [0x0A, 3, 7, 8, 9]);
        for bytes in [&UNIT[..2], &UNIT[7..], &UNIT[..5], &[0x0A, 0xFF, 0xFF], &[]] {
            assert!(sequence_header_obu(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_message_goes_in_before_the_frame_and_comes_out_as_it_was() {
        for length in [0, 1, 100, 200, 20_000] {
            let mut sent = MARKER.to_vec();
            sent.extend((0..length).map(|byte| byte as u8));
            let unit = insert_message(UNIT, &sent).unwrap();
            assert_eq!(unit[7], 0x2A);
            let found = take_apart(&unit, MARKER).unwrap();
            assert_eq!(found.messages, [sent]);
            assert_eq!(found.data, UNIT[2..10]);
        }
    }

    #[test]
    fn messages_of_others_stay_where_they_are() {
        let unit = insert_message(&UNIT[2..], b"other").unwrap();
        let found = take_apart(&unit, MARKER).unwrap();
        assert!(found.messages.is_empty());
        assert_eq!(found.data, unit[..unit.len() - 3]);
    }

    #[test]
    fn the_last_obu_need_not_say_its_size() {
        let found = take_apart(&[0x0A, 1, 9, 0x30, 5, 6], MARKER).unwrap();
        assert_eq!(found.data, [0x0A, 1, 9, 0x32, 2, 5, 6]);
        assert!(take_apart(&[0x34, 5, 6], MARKER).is_err(), "an extension");
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = sequence_header(&bytes);
            let _ = insert_message(&bytes, MARKER);
            let _ = probe(&bytes, None);
            if let Ok(found) = take_apart(&bytes, b"") {
                prop_assert!(found.data.len() <= 2 * bytes.len());
            }
        }
    }
}
