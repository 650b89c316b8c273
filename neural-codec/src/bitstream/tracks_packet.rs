//! TRACKS: how a stream holds what has no packet of its own.
//!
//! A TRACKS packet is a list of entries. A reader leaves out entries that it does not know, and a reader that does not
//! know the packet leaves out all of them: pictures and sound stay what they are.

use super::Limits;
use super::audio::{AudioDetails, Tags, Trim};
use super::bytes::{Reader, Writer};
use super::kind::PacketKind;
use super::payload::Payload;
use super::tracks::{
    Attachment, Chapter, ContentLight, MasteringDisplay, SubtitlePacket, SubtitleTrack, TracksEntry,
};
use crate::error::{Error, Result};
use crate::memory;

/// A list of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracksPacket(pub Vec<TracksEntry>);

impl Payload for TracksPacket {
    const KIND: PacketKind = PacketKind::Tracks;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let (mut entries, mut left) = (Vec::new(), u64::from(limits.max_track_entries));
        while reader.remaining() > 0 {
            let code = reader.u8("kind of an entry")?;
            let length = reader.varint("bytes of an entry")?;
            let mut body = reader.nested(usize::try_from(length).unwrap_or(usize::MAX), "entry")?;
            // An entry costs a hundred times its bytes.
            reader.limited("entries of tracks", 1, left)?;
            if let Some(entry) = read_entry(code, &mut body, limits, left - 1)? {
                body.finish("entry")?;
                left -= entry.parts();
                memory::grow("entries of tracks", &mut entries, 1)?;
                entries.push(entry);
            }
        }
        Ok(Self(entries))
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        for entry in &self.0 {
            let mut body = Writer::default();
            let code = write_entry(entry, &mut body)?;
            writer.u8(code);
            writer.varint(body.bytes.len() as u64);
            writer.raw(&body.bytes);
        }
        Ok(())
    }
}

/// `None` for a kind that is not known. `tags`: how many it may have.
fn read_entry(code: u8, body: &mut Reader<'_>, limits: &Limits, tags: u64) -> Result<Option<TracksEntry>> {
    Ok(Some(match code {
        1 => TracksEntry::Audio(body.u8("audio track")?, read_details(body, tags)?),
        2 => TracksEntry::Subtitle(SubtitleTrack {
            codec: body.text("subtitle codec")?,
            language: body.text("subtitle language")?,
            time_base: body.rational("subtitle time base")?,
            disposition: body.u32("disposition")?,
            size: (body.u32("subtitle width")?, body.u32("subtitle height")?),
            tags: read_tags(body, tags)?,
            extradata: {
                let bytes = body.rest("extradata")?;
                body.limited("length of extradata", bytes.len() as u64, limits.max_extradata_bytes.into())?;
                bytes
            },
        }),
        3 => TracksEntry::Chapter(Chapter {
            start: body.i64("start of a chapter")?,
            end: body.i64("end of a chapter")?,
            tags: read_tags(body, tags)?,
        }),
        4 => TracksEntry::Attachment(Attachment {
            codec: body.text("codec of an attachment")?,
            tags: read_tags(body, tags)?,
            data: body.rest("attachment")?,
        }),
        5 => TracksEntry::Tag(body.text("name of a tag")?, read_long_text(body)?),
        6 => TracksEntry::VideoTag(body.text("name of a tag")?, read_long_text(body)?),
        7 => TracksEntry::VideoDisposition(body.u32("disposition")?),
        8 => {
            let mut point = || Ok::<_, Error>((body.u16("chromaticity")?, body.u16("chromaticity")?));
            TracksEntry::Mastering(MasteringDisplay {
                chromaticities: [point()?, point()?, point()?, point()?],
                max_luminance: body.u32("luminance")?,
                min_luminance: body.u32("luminance")?,
            })
        }
        9 => TracksEntry::Light(ContentLight { max: body.u16("light")?, mean: body.u16("light")? }),
        10 => TracksEntry::SubtitlePacket(SubtitlePacket {
            track: body.u8("subtitle track")?,
            timestamp: body.i64("subtitle timestamp")?,
            duration: body.varint("subtitle duration")?,
            data: body.rest("subtitle data")?,
        }),
        11 => TracksEntry::Trim(
            body.u8("audio track")?,
            Trim { start: body.u32("samples cut off")?, end: body.u32("samples cut off")? },
        ),
        12 => TracksEntry::LastDuration(body.varint("duration of the last frame")?),
        _ => return Ok(None),
    }))
}

fn write_entry(entry: &TracksEntry, body: &mut Writer) -> Result<u8> {
    Ok(match entry {
        TracksEntry::Audio(track, details) => {
            body.u8(*track);
            write_details(body, details)?;
            1
        }
        TracksEntry::Subtitle(track) => {
            body.text("subtitle codec", &track.codec)?;
            body.text("subtitle language", &track.language)?;
            body.rational(track.time_base);
            body.u32(track.disposition);
            body.u32(track.size.0);
            body.u32(track.size.1);
            write_tags(body, &track.tags)?;
            body.raw(&track.extradata);
            2
        }
        TracksEntry::Chapter(chapter) => {
            body.i64(chapter.start);
            body.i64(chapter.end);
            write_tags(body, &chapter.tags)?;
            3
        }
        TracksEntry::Attachment(attachment) => {
            body.text("codec of an attachment", &attachment.codec)?;
            write_tags(body, &attachment.tags)?;
            body.raw(&attachment.data);
            4
        }
        TracksEntry::Tag(name, value) => {
            body.text("name of a tag", name)?;
            write_long_text(body, value);
            5
        }
        TracksEntry::VideoTag(name, value) => {
            body.text("name of a tag", name)?;
            write_long_text(body, value);
            6
        }
        TracksEntry::VideoDisposition(bits) => {
            body.u32(*bits);
            7
        }
        TracksEntry::Mastering(mastering) => {
            for (x, y) in mastering.chromaticities {
                body.u16(x);
                body.u16(y);
            }
            body.u32(mastering.max_luminance);
            body.u32(mastering.min_luminance);
            8
        }
        TracksEntry::Light(light) => {
            body.u16(light.max);
            body.u16(light.mean);
            9
        }
        TracksEntry::SubtitlePacket(packet) => {
            body.u8(packet.track);
            body.i64(packet.timestamp);
            body.varint(packet.duration);
            body.raw(&packet.data);
            10
        }
        TracksEntry::Trim(track, trim) => {
            body.u8(*track);
            body.u32(trim.start);
            body.u32(trim.end);
            11
        }
        TracksEntry::LastDuration(duration) => {
            body.varint(*duration);
            12
        }
    })
}

fn read_details(body: &mut Reader<'_>, tags: u64) -> Result<AudioDetails> {
    Ok(AudioDetails {
        channel_layout: body.text("channel layout")?,
        block_align: body.u32("bytes of a block")?,
        bits_per_sample: body.u16("bits of a coded sample")?,
        initial_padding: body.u32("samples before the sound")?,
        disposition: body.u32("disposition")?,
        tags: read_tags(body, tags)?,
    })
}

fn write_details(body: &mut Writer, details: &AudioDetails) -> Result<()> {
    body.text("channel layout", &details.channel_layout)?;
    body.u32(details.block_align);
    body.u16(details.bits_per_sample);
    body.u32(details.initial_padding);
    body.u32(details.disposition);
    write_tags(body, &details.tags)
}

fn read_tags(body: &mut Reader<'_>, most: u64) -> Result<Tags> {
    let count = body.varint("number of tags")?;
    body.limited("number of tags", count, most)?;
    (0..count).map(|_| Ok((body.text("name of a tag")?, read_long_text(body)?))).collect()
}

fn write_tags(body: &mut Writer, tags: &Tags) -> Result<()> {
    body.varint(tags.len() as u64);
    for (name, value) in tags {
        body.text("name of a tag", name)?;
        write_long_text(body, value);
    }
    Ok(())
}

/// A varint and as many bytes of UTF-8.
fn read_long_text(body: &mut Reader<'_>) -> Result<String> {
    let length = body.varint("bytes of a text")?;
    let bytes = body.bytes(usize::try_from(length).unwrap_or(usize::MAX), "text")?;
    let text = std::str::from_utf8(bytes).map_err(|error| body.corrupt("text", "UTF-8", error))?;
    Ok(text.to_owned())
}

fn write_long_text(body: &mut Writer, text: &str) {
    body.varint(text.len() as u64);
    body.raw(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::{AudioTrack, Tracks};
    use super::*;
    use crate::frame::Rational;
    use proptest::prelude::*;

    fn tags() -> Tags {
        vec![("title".into(), "Größe\n".into()), ("comment".into(), "x".repeat(1000))]
    }

    fn entries() -> Vec<TracksEntry> {
        let details = AudioDetails {
            channel_layout: "5.1(side)".into(),
            block_align: 1024,
            bits_per_sample: 24,
            initial_padding: 312,
            disposition: 1,
            tags: tags(),
        };
        vec![
            TracksEntry::Audio(3, details),
            TracksEntry::Subtitle(SubtitleTrack {
                codec: "ass".into(),
                language: "deu".into(),
                time_base: Rational { num: 1, den: 1000 },
                disposition: 64,
                size: (720, 576),
                tags: tags(),
                extradata: vec![1, 2, 3],
            }),
            TracksEntry::Chapter(Chapter { start: -5, end: i64::MAX, tags: tags() }),
            TracksEntry::Attachment(Attachment { codec: "ttf".into(), tags: tags(), data: vec![0; 70_000] }),
            TracksEntry::Tag("title".into(), String::new()),
            TracksEntry::VideoTag("language".into(), "eng".into()),
            TracksEntry::VideoDisposition(1),
            TracksEntry::Mastering(MasteringDisplay {
                chromaticities: [(34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450)],
                max_luminance: 10_000_000,
                min_luminance: 50,
            }),
            TracksEntry::Light(ContentLight { max: 1000, mean: 400 }),
            TracksEntry::SubtitlePacket(SubtitlePacket {
                track: 0,
                timestamp: -1,
                duration: 9,
                data: b"Hello".to_vec(),
            }),
            TracksEntry::Trim(0, Trim { start: 0, end: 648 }),
            TracksEntry::LastDuration(u64::MAX),
        ]
    }

    #[test]
    fn every_entry_reads_back_and_unknown_ones_are_left_out() {
        let packet = TracksPacket(entries());
        let mut writer = Writer::default();
        packet.write(&mut writer).unwrap();
        writer.raw(&[200, 3, 1, 2, 3]);
        let mut reader = Reader::new(&writer.bytes, 0);
        assert_eq!(TracksPacket::read(&mut reader, &Limits::default()).unwrap(), packet);
    }

    #[test]
    fn a_description_becomes_entries_and_comes_back() {
        let track = AudioTrack {
            codec: "aac".into(),
            time_base: Rational { num: 1, den: 48_000 },
            sample_rate: 48_000,
            channels: 6,
            frame_size: 1024,
            bit_rate: 0,
            extradata: Vec::new(),
            language: String::new(),
            details: AudioDetails::default(),
        };
        let mut tracks = Tracks::of_audio(vec![track; 4]);
        let left: Vec<_> = entries().into_iter().filter_map(|entry| tracks.take(entry)).collect();
        assert_eq!(left.len(), 3, "packets and what comes with them describe nothing");
        let mut again = Tracks::of_audio(
            tracks
                .audio
                .iter()
                .cloned()
                .map(|track| AudioTrack { details: AudioDetails::default(), ..track })
                .collect(),
        );
        assert!(tracks.entries().into_iter().all(|entry| again.take(entry).is_none()));
        assert_eq!(again, tracks);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_verdict(code in 0..14_u8, body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = vec![code, body.len() as u8];
            bytes.extend(body);
            let _ = TracksPacket::read(&mut Reader::new(&bytes, 0), &Limits::default());
        }
    }
}
