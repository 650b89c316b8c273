//! Sound that is encoded again: decoder, conversion, queue, encoder, all of them FFmpeg's but the queue.

use ffmpeg_next::codec::decoder::{self, Opened};
use ffmpeg_next::codec::encoder;
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::{Error as Ffmpeg, Packet, codec, frame};

use super::super::Lost;
use super::filters::Chain;
use super::muxer::copy;
use super::native_sound::{self, EncoderSetup, Made, SoundFormat};
use super::native_write::{audio_parameters, set_trim};
use super::sound_queue::{Piece, SoundQueue};
use super::{initialize, native, read_error};
use crate::bitstream::{AudioDetails, AudioPacket, AudioTrack, Trim};
use crate::error::{Error, Place, Result};
use crate::frame::Rational;
use crate::settings::{AudioCodec, SourceDamage};

/// Most channels of a track that is encoded again; what has more is mixed down.
const MOST_CHANNELS: u16 = 8;
/// Layouts that AAC has a number for (ISO/IEC 14496-3, table 1.19), in FFmpeg's names.
const AAC_LAYOUTS: [&str; 6] = ["mono", "stereo", "3.0", "4.0", "5.0", "5.1"];
/// Samples of a piece for an encoder that takes any number.
const PIECE: usize = 1024;

/// Encodes one track of sound again.
pub(in super::super) struct Transcoder {
    number: u8,
    source: AudioTrack,
    decoder: Opened,
    encoder: encoder::audio::Encoder,
    /// What the encoder takes.
    wanted: SoundFormat,
    /// The conversion of what the decoder gives, made for what it gave last.
    chain: Option<(SoundFormat, Chain)>,
    queue: SoundQueue,
    made: Vec<AudioPacket>,
    /// When the sound begins. Units: samples.
    begins: Option<i64>,
    on_damage: SourceDamage,
    damaged: u64,
}

impl Transcoder {
    /// Encodes `source`, which is track `number` of the clip. Gives what the track becomes, and what it loses on the way.
    ///
    /// # Errors
    ///
    /// `Unsupported` where this FFmpeg lacks the decoder or the encoder.
    pub(in super::super) fn open(
        source: &AudioTrack,
        number: u8,
        codec: AudioCodec,
        bit_rate: Option<u32>,
        on_damage: SourceDamage,
    ) -> Result<(Self, AudioTrack, Vec<Lost>)> {
        initialize();
        let decoder = open_decoder(source)?;
        let (encoder, layout) = open_encoder(source, codec, bit_rate)?;
        let made = native_sound::made(&encoder);
        let (rate, format) = (encoder.rate(), encoder.format());
        let channels = made.channels;
        let (planes, sample_bytes) = match format.is_planar() {
            true => (usize::from(channels), format.bytes()),
            false => (1, format.bytes() * usize::from(channels)),
        };
        let piece = match encoder.frame_size() as usize {
            0 => PIECE,
            samples => samples,
        };
        let coarse = (2.0 * source.time_base.value() * f64::from(rate)) as i64;
        let queue = SoundQueue::new(planes, sample_bytes, piece, coarse.max(i64::from(rate) / 100));
        let track = described(source, codec, &encoder, &layout, made);
        let mut lost = Vec::new();
        let before = native_layout(source);
        if before != layout {
            let why = format!("track {number} is {before}; as {} it is {layout}", codec.name());
            lost.push(Lost::new("channel layout", why));
        }
        let wanted = SoundFormat { sample: format.name().into(), rate, layout, channels: channels.into() };
        let transcoder = Self {
            number,
            source: source.clone(),
            decoder,
            encoder,
            wanted,
            chain: None,
            queue,
            made: Vec::new(),
            begins: None,
            on_damage,
            damaged: 0,
        };
        Ok((transcoder, track, lost))
    }

    /// Takes the next packet of the track.
    ///
    /// # Errors
    ///
    /// `Corrupt` for what does not decode, unless damage is to be kept.
    pub(in super::super) fn push(&mut self, packet: &AudioPacket) -> Result<()> {
        let mut given = copy(&packet.data)?;
        given.set_pts(Some(packet.timestamp));
        given.set_dts(Some(packet.timestamp));
        given.set_duration(packet.duration.into());
        match packet.trim.start {
            u32::MAX => native_sound::discard(&mut given),
            _ => set_trim(&mut given, packet.trim)?,
        }
        match self.decoder.send_packet(&given) {
            Ok(()) => self.decode(),
            Err(error) => self.damage(error),
        }
    }

    /// Says that no packet follows.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub(in super::super) fn finish(&mut self) -> Result<()> {
        self.decoder.send_eof().map_err(failed)?;
        self.decode()?;
        self.end_chain()?;
        if let Some(rest) = self.queue.rest() {
            self.encode(&rest)?;
        }
        self.encoder.send_eof().map_err(failed)?;
        self.receive()
    }

    /// Packets made so far.
    pub(in super::super) fn take(&mut self) -> Vec<AudioPacket> {
        std::mem::take(&mut self.made)
    }

    /// How many packets did not decode.
    pub(in super::super) fn damaged(&self) -> u64 {
        self.damaged
    }

    fn damage(&mut self, error: Ffmpeg) -> Result<()> {
        self.damaged += 1;
        match self.on_damage {
            SourceDamage::Keep => Ok(()),
            SourceDamage::Fail => Err(failed(error)),
        }
    }

    fn decode(&mut self) -> Result<()> {
        let mut decoded = frame::Audio::empty();
        loop {
            match self.decoder.receive_frame(&mut decoded) {
                Ok(()) => self.convert(&mut decoded)?,
                Err(Ffmpeg::Other { errno: EAGAIN } | Ffmpeg::Eof) => return Ok(()),
                Err(error) => return self.damage(error),
            }
        }
    }

    fn convert(&mut self, decoded: &mut frame::Audio) -> Result<()> {
        let Some(format) = native_sound::format_of(decoded) else { return Ok(()) };
        if self.chain.as_ref().is_none_or(|(found, _)| *found != format) {
            self.end_chain()?;
            let base = self.source.time_base;
            let options = format!(
                "time_base={}/{}:sample_rate={}:sample_fmt={}:channel_layout={}",
                base.num, base.den, format.rate, format.sample, format.layout
            );
            let wanted = &self.wanted;
            let filters = format!(
                "aformat=sample_fmts={}:sample_rates={}:channel_layouts={}",
                wanted.sample, wanted.rate, wanted.layout
            );
            let chain = Chain::new(("abuffer", "abuffersink"), &options, &filters).map_err(failed)?;
            self.chain = Some((format, chain));
        }
        if let Some((_, chain)) = &mut self.chain {
            chain.send(decoded).map_err(failed)?;
        }
        self.drain_chain()
    }

    fn end_chain(&mut self) -> Result<()> {
        let Some((_, chain)) = &mut self.chain else { return Ok(()) };
        chain.end().map_err(failed)?;
        self.drain_chain()?;
        self.chain = None;
        Ok(())
    }

    fn drain_chain(&mut self) -> Result<()> {
        let mut converted = frame::Audio::empty();
        while let Some((_, chain)) = &mut self.chain {
            if !chain.receive(&mut converted).map_err(failed)? {
                break;
            }
            let base = chain.time_base();
            let to_samples = |time: i64| {
                let units = i128::from(time) * i128::from(base.numerator()) * i128::from(self.wanted.rate);
                let samples = units.div_euclid(i128::from(base.denominator().max(1)));
                samples.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
            };
            let time = converted.pts().map(to_samples);
            self.begins = self.begins.or(Some(time.unwrap_or(0)));
            let length = converted.samples() * self.sample_bytes();
            let planes =
                (0..converted.planes()).map(|plane| converted.data(plane).get(..length).unwrap_or_default());
            self.queue.push(time, &planes.collect::<Vec<_>>());
            while let Some(piece) = self.queue.next() {
                self.encode(&piece)?;
            }
        }
        Ok(())
    }

    /// Bytes of one sample of a plane as the encoder takes it, all its channels together.
    fn sample_bytes(&self) -> usize {
        let format = self.encoder.format();
        format.bytes() * if format.is_planar() { 1 } else { self.wanted.channels }
    }

    fn encode(&mut self, piece: &Piece) -> Result<()> {
        let samples = piece.planes.first().map_or(0, |plane| plane.len() / self.sample_bytes().max(1));
        let mut given = native_sound::frame_for(&self.encoder, samples)?;
        for (index, plane) in piece.planes.iter().enumerate() {
            given.data_mut(index)[..plane.len()].copy_from_slice(plane);
        }
        given.set_pts(Some(piece.time));
        self.encoder.send_frame(&given).map_err(failed)?;
        self.receive()
    }

    fn receive(&mut self) -> Result<()> {
        loop {
            let mut packet = Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => self.made.extend(self.packet_of(&packet)),
                Err(Ffmpeg::Other { errno: EAGAIN } | Ffmpeg::Eof) => return Ok(()),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn packet_of(&self, packet: &Packet) -> Option<AudioPacket> {
        let data = packet.data()?.to_vec();
        let (timestamp, duration) = (packet.pts().unwrap_or(0), packet.duration().max(0));
        let mut trim = native::trim(packet, duration as u64);
        // Opus says in its header what is not heard.
        if self.source_is_silent_before(timestamp.saturating_add(duration)) {
            trim = Trim { start: u32::MAX, end: 0 };
        }
        let duration = u32::try_from(duration).unwrap_or(0);
        Some(AudioPacket { track: self.number, timestamp, duration, trim, data })
    }

    fn source_is_silent_before(&self, time: i64) -> bool {
        self.encoder.id() != codec::Id::OPUS && self.begins.is_some_and(|begins| time <= begins)
    }
}

fn failed(error: Ffmpeg) -> Error {
    read_error("sound", error, Place::default())
}

fn open_decoder(track: &AudioTrack) -> Result<Opened> {
    let parameters = audio_parameters(track)?;
    let found = decoder::find(parameters.id()).ok_or_else(|| Error::Unsupported {
        what: format!("encoding sound again that is {}, which this FFmpeg does not decode", track.codec),
        remedy: "leave the track out (audio=NUMBER:none) or copy it (audio=NUMBER:copy)".into(),
    })?;
    let mut context = codec::Context::from_parameters(parameters).map_err(failed)?;
    native_sound::set_packet_base(&mut context, track.time_base);
    context.decoder().open_as(found).map_err(failed)
}

/// The layout of a track, the usual one where it says none.
fn native_layout(track: &AudioTrack) -> String {
    match track.details.channel_layout.as_str() {
        "" => native_sound::usual_layout(track.channels.into()).unwrap_or_else(|| "stereo".into()),
        name => name.to_owned(),
    }
}

/// Opens an encoder for the track's own layout, or the next that it takes; the layout.
fn open_encoder(
    track: &AudioTrack,
    codec: AudioCodec,
    bit_rate: Option<u32>,
) -> Result<(encoder::audio::Encoder, String)> {
    let names: &[&str] = match codec {
        AudioCodec::Opus => &["libopus", "opus"],
        AudioCodec::Aac => &["aac"],
        AudioCodec::Flac => &["flac"],
    };
    let missing = || Error::Unsupported {
        what: format!("encoding sound as {} with this FFmpeg", codec.name()),
        remedy: "ask for another codec (audio=aac, audio=opus or audio=flac), or copy the sound (audio=copy)"
            .into(),
    };
    let found = names.iter().find_map(|name| encoder::find_by_name(name)).ok_or_else(missing)?;
    for layout in candidates(track, codec) {
        if let Ok(encoder) = open_with(found, track, codec, bit_rate, &layout) {
            return Ok((encoder, layout));
        }
    }
    Err(missing())
}

/// Layouts to try, best first.
fn candidates(track: &AudioTrack, codec: AudioCodec) -> Vec<String> {
    let own = Some(native_layout(track)).filter(|_| track.channels <= MOST_CHANNELS);
    let usual = native_sound::usual_layout(track.channels.into()).filter(|_| track.channels <= MOST_CHANNELS);
    let most = (track.channels > 5).then(|| if codec == AudioCodec::Aac { "5.1" } else { "7.1" }.to_owned());
    let all = match codec {
        // AAC describes any layout, and players know those that have a number.
        AudioCodec::Aac => {
            let plain = own.as_ref().map(|name| name.replace("(side)", ""));
            let known = plain.filter(|name| AAC_LAYOUTS.contains(&name.as_str()));
            [known, most, own, usual]
        }
        AudioCodec::Opus | AudioCodec::Flac => [own, usual, most, None],
    };
    all.into_iter().flatten().chain(["stereo".into()]).collect()
}

fn open_with(
    found: ffmpeg_next::Codec,
    track: &AudioTrack,
    codec: AudioCodec,
    bit_rate: Option<u32>,
    layout: &str,
) -> Result<encoder::audio::Encoder> {
    let kind = found.audio().map_err(failed)?;
    let rates: Vec<i32> = kind.rates().into_iter().flatten().collect();
    let own = i32::try_from(track.sample_rate).unwrap_or(0);
    // Opus encoders take 48 kHz whatever else they say.
    let keeps = codec != AudioCodec::Opus && own > 0 && (rates.is_empty() || rates.contains(&own));
    let rate = if keeps { track.sample_rate } else { 48_000 };
    let is_deep = !(1..=16).contains(&track.details.bits_per_sample);
    let formats: Vec<Sample> = kind.formats().into_iter().flatten().collect();
    let wanted = match codec {
        AudioCodec::Flac if is_deep => Sample::I32(Type::Packed),
        AudioCodec::Flac => Sample::I16(Type::Packed),
        AudioCodec::Opus | AudioCodec::Aac => Sample::F32(Type::Packed),
    };
    let format = formats
        .iter()
        .find(|&&format| format == wanted)
        .or(formats.iter().find(|format| format.packed() == wanted));
    let format = format.or(formats.first()).copied().unwrap_or(wanted);
    let sample_bits = match codec {
        AudioCodec::Flac if is_deep => 24,
        AudioCodec::Flac => 16,
        AudioCodec::Opus | AudioCodec::Aac => 0,
    };
    let mut context = codec::Context::new_with_codec(found).encoder().audio().map_err(failed)?;
    context.set_format(format);
    native_sound::set_up(&mut context, &EncoderSetup { rate, layout, bit_rate, sample_bits })?;
    context.open().map_err(failed)
}

/// What the track is once it is encoded.
fn described(
    source: &AudioTrack,
    codec: AudioCodec,
    encoder: &encoder::audio::Encoder,
    layout: &str,
    made: Made,
) -> AudioTrack {
    let usual = native_sound::usual_layout(made.channels.into());
    AudioTrack {
        codec: codec.name().into(),
        time_base: Rational { num: 1, den: encoder.rate() },
        sample_rate: encoder.rate(),
        channels: made.channels,
        frame_size: encoder.frame_size(),
        bit_rate: if codec == AudioCodec::Flac { 0 } else { made.bit_rate },
        extradata: made.extradata,
        language: source.language.clone(),
        details: AudioDetails {
            channel_layout: if usual.as_deref() == Some(layout) { String::new() } else { layout.into() },
            block_align: 0,
            bits_per_sample: if codec == AudioCodec::Flac { source.details.bits_per_sample } else { 0 },
            initial_padding: made.padding,
            disposition: source.details.disposition,
            tags: source.details.tags.clone(),
        },
    }
}
