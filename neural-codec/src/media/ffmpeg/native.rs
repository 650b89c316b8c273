//! The calls into FFmpeg that reading needs and `ffmpeg-next` has no safe form of. Unsafe code lives here.
//!
//! With `native_write` the only unsafe code under `media`.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};

use ffmpeg_next::codec::Context;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::{Packet, frame, packet};

use super::sample_layout::{Component, SampleLayout};
use crate::bitstream::{AudioDetails, AudioTrack, ContentLight, MasteringDisplay, Tags, Tracks, Trim};
use crate::frame::{ChromaLocation, Color, ColorRange, MAX_SIDE, Rational};

/// Keeps FFmpeg from printing, for the whole process; its fatal messages remain.
pub(super) fn silence_log() {
    // SAFETY: sets one integer inside FFmpeg; allowed at any time from any thread.
    unsafe { ffi::av_log_set_level(ffi::AV_LOG_FATAL) }
}

/// Has the demuxer skip the packets of every stream but the kept ones.
pub(super) fn discard_all_but(input: &mut Input, keep: impl Fn(usize) -> bool) {
    for index in (0..input.nb_streams() as usize).filter(|&index| !keep(index)) {
        // SAFETY: `index` is below `nb_streams`, so the stream is there; the field is the caller's to set.
        unsafe { (**(*input.as_mut_ptr()).streams.add(index)).discard = ffi::AVDiscard::AVDISCARD_ALL }
    }
}

/// Width and height as the container declares them.
pub(super) fn declared_size(stream: &Stream<'_>) -> (c_int, c_int) {
    // SAFETY: a stream of an open input has parameters.
    let parameters = unsafe { &*(*stream.as_ptr()).codecpar };
    (parameters.width, parameters.height)
}

/// Width over height of a pixel as the container declares it; 0 where it does not.
pub(super) fn declared_aspect(stream: &Stream<'_>) -> ffmpeg_next::Rational {
    // SAFETY: a stream of an open input; plain field.
    unsafe { (*stream.as_ptr()).sample_aspect_ratio }.into()
}

/// Sets what the safe interface does not offer: threads, limits, and that damaged frames come out flagged.
pub(super) fn configure_decoder(context: &mut Context, stream: &Stream<'_>, threads: usize) {
    // SAFETY: the context is allocated and not yet open, which is when these fields are the caller's to set.
    unsafe {
        let context = &mut *context.as_mut_ptr();
        context.pkt_timebase = (*stream.as_ptr()).time_base;
        context.thread_count = c_int::try_from(threads).unwrap_or(0);
        context.thread_type = ffi::FF_THREAD_FRAME | ffi::FF_THREAD_SLICE;
        context.max_pixels = (MAX_SIDE * MAX_SIDE) as i64;
        context.flags |= ffi::AV_CODEC_FLAG_OUTPUT_CORRUPT as c_int;
        context.err_recognition |= ffi::AV_EF_CRCCHECK;
    }
}

/// Size and pixel format number of a decoded frame: what must not change within a clip.
pub(super) fn shape(frame: &frame::Video) -> (usize, usize, c_int) {
    // SAFETY: `frame::Video` owns an allocated frame; plain fields.
    let (width, height, format) =
        unsafe { ((*frame.as_ptr()).width, (*frame.as_ptr()).height, (*frame.as_ptr()).format) };
    (usize::try_from(width).unwrap_or(0), usize::try_from(height).unwrap_or(0), format)
}

/// How the samples of a pixel format lie in memory. `None` for a number that is no format.
pub(super) fn sample_layout(format: c_int) -> Option<SampleLayout> {
    if !(0..ffi::AVPixelFormat::AV_PIX_FMT_NB as c_int).contains(&format) {
        return None;
    }
    // SAFETY: the formats are numbered from 0 to NB without a gap, and the number is within.
    let format: ffi::AVPixelFormat = unsafe { std::mem::transmute(format) };
    // SAFETY: takes any format and returns null or a pointer to static data.
    let descriptor = unsafe { ffi::av_pix_fmt_desc_get(format).as_ref() }?;
    // SAFETY: the name of a descriptor is a static C string.
    let name = unsafe { CStr::from_ptr(descriptor.name) }.to_string_lossy().into_owned();
    let has = |flag: c_int| descriptor.flags & flag as u64 != 0;
    let unreadable = ffi::AV_PIX_FMT_FLAG_BITSTREAM
        | ffi::AV_PIX_FMT_FLAG_HWACCEL
        | ffi::AV_PIX_FMT_FLAG_BAYER
        | ffi::AV_PIX_FMT_FLAG_FLOAT;
    let black_bit = match name.as_str() {
        "monob" => Some(0),
        "monow" => Some(1),
        _ => None,
    };
    let component = |index: usize| {
        let found = &descriptor.comp[index];
        Component {
            plane: found.plane as usize,
            step: found.step as usize,
            offset: found.offset as usize,
            shift: found.shift as u32,
            depth: found.depth as u32,
        }
    };
    Some(SampleLayout {
        readable: (black_bit.is_some() || !has(unreadable))
            && !name.starts_with("xyz")
            && descriptor.nb_components > 0,
        name,
        components: if descriptor.nb_components >= 3 {
            (0..3).map(component).collect()
        } else {
            vec![component(0)]
        },
        chroma_shift: (descriptor.log2_chroma_w.into(), descriptor.log2_chroma_h.into()),
        is_rgb: has(ffi::AV_PIX_FMT_FLAG_RGB),
        is_big_endian: has(ffi::AV_PIX_FMT_FLAG_BE),
        has_palette: has(ffi::AV_PIX_FMT_FLAG_PAL),
        has_alpha: has(ffi::AV_PIX_FMT_FLAG_ALPHA) && !has(ffi::AV_PIX_FMT_FLAG_PAL),
        black_bit,
    })
}

/// The first `length` bytes of a row. `None` where the plane is not there, or is shorter or narrower.
///
/// `rows` is the height of the plane by the frame's pixel format.
pub(super) fn row(frame: &frame::Video, plane: usize, y: usize, rows: usize, length: usize) -> Option<&[u8]> {
    // SAFETY: `frame::Video` owns an allocated frame; plain fields.
    let (data, stride) =
        unsafe { ((*frame.as_ptr()).data.get(plane)?, (*frame.as_ptr()).linesize.get(plane)?) };
    if data.is_null() || y >= rows || length > stride.unsigned_abs() as usize {
        return None;
    }
    let start = isize::try_from(y).ok()?.checked_mul(*stride as isize)?;
    // SAFETY: FFmpeg lays row y of a plane at `data + y * linesize` (which may go backwards) and each of the
    // plane's rows has |linesize| bytes; y and length were checked. The borrow of the frame keeps them alive.
    Some(unsafe { std::slice::from_raw_parts(data.offset(start), length) })
}

/// The colors of a frame that has a palette, as 0xAARRGGBB.
pub(super) fn palette(frame: &frame::Video) -> Option<[u32; 256]> {
    // SAFETY: `frame::Video` owns an allocated frame; plain field.
    let data = unsafe { (*frame.as_ptr()).data[1] };
    // SAFETY: a frame with a palette has 256 native 32-bit entries in its second plane, at any alignment.
    (!data.is_null()).then(|| unsafe { data.cast::<[u32; 256]>().read_unaligned() })
}

/// What the samples of a decoded frame mean.
pub(super) fn color(frame: &frame::Video) -> Color {
    // SAFETY: `frame::Video` owns an allocated frame.
    let frame = unsafe { frame.as_ptr() };
    // SAFETY: each field is an enumeration of the size of a C int; read as one, since the bytes of a file
    // might have put a number there that the enumeration lacks.
    let numbers = unsafe {
        [
            (&raw const (*frame).color_range).cast::<c_int>().read(),
            (&raw const (*frame).color_primaries).cast::<c_int>().read(),
            (&raw const (*frame).color_trc).cast::<c_int>().read(),
            (&raw const (*frame).colorspace).cast::<c_int>().read(),
            (&raw const (*frame).chroma_location).cast::<c_int>().read(),
        ]
    };
    color_of(numbers)
}

/// What the samples of a stream mean, as its container says.
pub(super) fn stream_color(stream: &Stream<'_>) -> Color {
    // SAFETY: a stream of an open input has parameters.
    let parameters = unsafe { (*stream.as_ptr()).codecpar.cast_const() };
    // SAFETY: as in `color`.
    let numbers = unsafe {
        [
            (&raw const (*parameters).color_range).cast::<c_int>().read(),
            (&raw const (*parameters).color_primaries).cast::<c_int>().read(),
            (&raw const (*parameters).color_trc).cast::<c_int>().read(),
            (&raw const (*parameters).color_space).cast::<c_int>().read(),
            (&raw const (*parameters).chroma_location).cast::<c_int>().read(),
        ]
    };
    color_of(numbers)
}

/// FFmpeg's numbers of range, primaries, transfer, matrix and chroma location, as ours.
fn color_of(numbers: [c_int; 5]) -> Color {
    let [range, primaries, transfer, matrix, location] = numbers;
    let code = |number: c_int| u8::try_from(number).unwrap_or(Color::UNSPECIFIED);
    Color {
        range: match range {
            1 => ColorRange::Limited,
            2 => ColorRange::Full,
            _ => ColorRange::Unspecified,
        },
        primaries: code(primaries),
        transfer: code(transfer),
        matrix: code(matrix),
        chroma_location: match location {
            1 => ChromaLocation::Left,
            2 => ChromaLocation::Center,
            3 => ChromaLocation::TopLeft,
            _ => ChromaLocation::Unspecified,
        },
    }
}

/// What a decoder has to cut off a packet of so many samples, 0 if unknown.
pub(super) fn trim(packet: &Packet, samples: u64) -> Trim {
    use ffmpeg_next::packet::Ref;
    // SAFETY: the packet owns an allocated AVPacket; plain field.
    let flags = unsafe { (*packet.as_ptr()).flags };
    // What an edit list leaves out.
    if flags & ffi::AV_PKT_FLAG_DISCARD as c_int != 0 {
        return Trim { start: u32::MAX, end: 0 };
    }
    let found = packet.side_data().find(|data| data.kind() == packet::side_data::Type::SkipSamples);
    // Two 32-bit numbers, little endian: samples to skip at the start and at the end.
    let number = |data: &[u8], at: usize| {
        data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    let found = found.map_or_else(Trim::default, |data| Trim {
        start: number(data.data(), 0),
        end: number(data.data(), 4),
    });
    let is_all = samples > 0 && u64::from(found.start) >= samples;
    Trim { start: if is_all { u32::MAX } else { found.start }, ..found }
}

/// Everything in a dictionary. Texts that are no UTF-8 get U+FFFD in their place: containers pass on what was written into them, and
/// `DictionaryRef`'s own readers take that for UTF-8 unseen.
pub(super) fn entries(metadata: &ffmpeg_next::DictionaryRef<'_>) -> Tags {
    let mut found = Tags::new();
    let mut entry: *const ffi::AVDictionaryEntry = std::ptr::null();
    loop {
        let flags = ffi::AV_DICT_IGNORE_SUFFIX as c_int;
        // SAFETY: a dictionary that stays borrowed, a C string, and null or the entry that the last call gave.
        entry = unsafe { ffi::av_dict_get(metadata.as_ptr(), c"".as_ptr(), entry, flags) };
        // SAFETY: null or an entry of the dictionary.
        let Some(texts) = (unsafe { entry.as_ref() }) else { return found };
        // SAFETY: name and value of an entry are C strings.
        let text = |at: *const c_char| unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned();
        found.push((text(texts.key), text(texts.value)));
    }
}

/// What a stream's tags say of its language; empty where they do not, or more than a stream of ours holds.
pub(super) fn language(stream: &Stream<'_>) -> String {
    let found =
        entries(&stream.metadata()).into_iter().find(|(name, _)| name.eq_ignore_ascii_case("language"));
    found.map(|(_, value)| value).filter(|value| value.len() <= usize::from(u8::MAX)).unwrap_or_default()
}

/// Tags as FFmpeg reads them.
pub(super) fn tags_with_language(stream: &Stream<'_>) -> Tags {
    let language = Some(language(stream)).filter(|value| !value.is_empty());
    language.map(|value| ("language".to_owned(), value)).into_iter().chain(tags(&stream.metadata())).collect()
}

/// Codec-specific setup bytes of a stream.
pub(super) fn extradata(stream: &Stream<'_>) -> Vec<u8> {
    // SAFETY: a stream of an open input has parameters, which stay while the stream is borrowed.
    let parameters = unsafe { &*(*stream.as_ptr()).codecpar };
    match usize::try_from(parameters.extradata_size) {
        Ok(size) if !parameters.extradata.is_null() => {
            // SAFETY: the two fields describe one allocation of at least that size.
            unsafe { std::slice::from_raw_parts(parameters.extradata, size) }.to_vec()
        }
        _ => Vec::new(),
    }
}

/// The picture of a stream that is one picture.
pub(super) fn attached_picture(stream: &Stream<'_>) -> Vec<u8> {
    // SAFETY: a stream of an open input; its packet belongs to it.
    let packet = unsafe { &(*stream.as_ptr()).attached_pic };
    match usize::try_from(packet.size) {
        Ok(size) if !packet.data.is_null() => {
            // SAFETY: the two fields describe one allocation of at least that size.
            unsafe { std::slice::from_raw_parts(packet.data, size) }.to_vec()
        }
        _ => Vec::new(),
    }
}

/// FFmpeg's names of the format it takes a file for.
pub(super) fn probed_format(path: &std::path::Path) -> Option<String> {
    use std::io::Read;
    let mut head = Vec::new();
    std::fs::File::open(path).ok()?.take(1 << 16).read_to_end(&mut head).ok()?;
    let size = c_int::try_from(head.len()).ok()?;
    // What FFmpeg asks for behind the bytes it looks at.
    head.resize(head.len() + ffi::AVPROBE_PADDING_SIZE as usize, 0);
    let data = ffi::AVProbeData {
        filename: c"".as_ptr(),
        buf: head.as_mut_ptr(),
        buf_size: size,
        mime_type: std::ptr::null(),
    };
    // SAFETY: the description is of bytes that outlive the call, padded as asked; returns null or static data.
    let format = unsafe { ffi::av_probe_input_format(&data, 1).as_ref() }?;
    // SAFETY: the name of a format is a static C string.
    Some(unsafe { CStr::from_ptr(format.name) }.to_string_lossy().into_owned())
}

/// What FFmpeg calls its version.
pub(super) fn version() -> String {
    // SAFETY: takes nothing, and returns static text.
    let text = unsafe { CStr::from_ptr(ffi::av_version_info()) };
    text.to_string_lossy().into_owned()
}

/// Whether the clocks of the input's format may start anew.
pub(super) fn clocks_restart(input: &Input) -> bool {
    // SAFETY: an open input has a format, which is static data.
    unsafe { (*(*input.as_ptr()).iformat).flags & ffi::AVFMT_TS_DISCONT as c_int != 0 }
}

/// When a stream ends, in nanoseconds, as Matroska writers say it in a tag such as `00:00:05.500000000`.
pub(super) fn tagged_end(stream: &Stream<'_>) -> Option<i64> {
    let tags = entries(&stream.metadata());
    let named = |wanted: &str| tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let (_, text) = named("DURATION").or_else(|| named("DURATION-eng"))?;
    let mut parts = text.trim().splitn(3, ':');
    let (hours, minutes) = (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
    let seconds: f64 = parts.next()?.parse().ok().filter(|seconds| (0.0..60.0).contains(seconds))?;
    let whole = (i64::from(hours) * 60 + i64::from(minutes)) * 60;
    whole.checked_mul(1_000_000_000)?.checked_add((seconds * 1e9).round() as i64)
}

/// Goes to the last key frame of a stream no later than `time`.
pub(super) fn seek(input: &mut Input, stream: usize, time: i64) -> Result<(), ffmpeg_next::Error> {
    let index = c_int::try_from(stream).unwrap_or(-1);
    // SAFETY: an open input; FFmpeg refuses a stream that is not there.
    match unsafe { ffi::av_seek_frame(input.as_mut_ptr(), index, time, ffi::AVSEEK_FLAG_BACKWARD as c_int) } {
        0.. => Ok(()),
        error => Err(error.into()),
    }
}

/// Fills in what the container says of HDR.
pub(super) fn read_hdr(stream: &Stream<'_>, tracks: &mut Tracks) {
    for data in stream.side_data() {
        match data.kind() {
            packet::side_data::Type::MasteringDisplayMetadata => {
                tracks.mastering = tracks.mastering.or_else(|| mastering(data.data()));
            }
            packet::side_data::Type::ContentLightLevel => {
                tracks.light = tracks.light.or_else(|| light(data.data()));
            }
            _ => {}
        }
    }
}

/// As [`read_hdr`], of a decoded frame.
pub(super) fn read_frame_hdr(frame: &frame::Video, tracks: &mut Tracks) {
    use frame::side_data::Type;
    if let Some(found) = frame.side_data(Type::MasteringDisplayMetadata) {
        tracks.mastering = tracks.mastering.or_else(|| mastering(found.data()));
    }
    if let Some(found) = frame.side_data(Type::ContentLightLevel) {
        tracks.light = tracks.light.or_else(|| light(found.data()));
    }
}

/// An `AVMasteringDisplayMetadata`: x and y of three primaries and white, least and largest luminance as fractions, and
/// whether either part is there.
fn mastering(bytes: &[u8]) -> Option<MasteringDisplay> {
    let number = |at: usize| Some(i32::from_ne_bytes(bytes.get(4 * at..4 * at + 4)?.try_into().ok()?));
    let fraction = |at: usize, unit: f64| {
        let (num, den) = (f64::from(number(2 * at)?), f64::from(number(2 * at + 1)?));
        (den != 0.0).then(|| (num / den * unit).round())
    };
    if number(20)? == 0 || number(21)? == 0 {
        return None;
    }
    let point = |at: usize| Some((fraction(at, 50_000.0)? as u16, fraction(at + 1, 50_000.0)? as u16));
    Some(MasteringDisplay {
        chromaticities: [point(0)?, point(2)?, point(4)?, point(6)?],
        min_luminance: fraction(8, 10_000.0)? as u32,
        max_luminance: fraction(9, 10_000.0)? as u32,
    })
}

/// An `AVContentLightMetadata`: two numbers.
fn light(bytes: &[u8]) -> Option<ContentLight> {
    let number = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let small = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
    Some(ContentLight { max: small(number(0)?), mean: small(number(4)?) })
}

/// Tags as FFmpeg reads them, without the one that has a place of its own.
pub(super) fn tags(metadata: &ffmpeg_next::DictionaryRef<'_>) -> Tags {
    let mut all = entries(metadata);
    all.retain(|(name, _)| name != "language" && name.len() <= usize::from(u8::MAX));
    all
}

fn audio_details(stream: &Stream<'_>) -> AudioDetails {
    // SAFETY: a stream of an open input has parameters, which stay while the stream is borrowed.
    let parameters = unsafe { &*(*stream.as_ptr()).codecpar };
    let number = |value: c_int| u32::try_from(value).unwrap_or(0);
    AudioDetails {
        channel_layout: channel_layout(&parameters.ch_layout),
        block_align: number(parameters.block_align),
        bits_per_sample: u16::try_from(parameters.bits_per_coded_sample).unwrap_or(0),
        initial_padding: number(parameters.initial_padding),
        disposition: stream.disposition().bits() as u32,
        tags: tags(&stream.metadata()),
    }
}

/// FFmpeg's name of a channel layout, empty where it says no more than the number of channels.
fn channel_layout(layout: &ffi::AVChannelLayout) -> String {
    let mut name = [0_u8; 64];
    // SAFETY: a layout of an open stream; at most as many bytes as there are get written, the last of them NUL.
    let length = unsafe { ffi::av_channel_layout_describe(layout, name.as_mut_ptr().cast(), name.len()) };
    let is_named = layout.order != ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC && length > 0;
    let text = CStr::from_bytes_until_nul(&name).unwrap_or_default().to_string_lossy().into_owned();
    if is_named { text } else { String::new() }
}

/// An audio stream's description, without its index among the tracks.
pub(super) fn audio_track(stream: &Stream<'_>, time_base: Rational) -> AudioTrack {
    // SAFETY: a stream of an open input has parameters, which stay while the stream is borrowed.
    let parameters = unsafe { &*(*stream.as_ptr()).codecpar };
    // SAFETY: takes any codec and returns a static C string.
    let codec = unsafe { CStr::from_ptr(ffi::avcodec_get_name(parameters.codec_id)) };
    let unknown = parameters.codec_id == ffi::AVCodecID::AV_CODEC_ID_NONE;
    let tag = Some(parameters.codec_tag.to_le_bytes())
        .filter(|tag| unknown && tag.iter().all(u8::is_ascii_graphic));
    AudioTrack {
        // A codec that FFmpeg does not know goes by the name that the file has for it.
        codec: tag
            .map_or(codec.to_string_lossy(), |tag| String::from_utf8_lossy(&tag).into_owned().into())
            .into_owned(),
        time_base,
        sample_rate: u32::try_from(parameters.sample_rate).unwrap_or(0),
        channels: u16::try_from(parameters.ch_layout.nb_channels).unwrap_or(0),
        frame_size: u32::try_from(parameters.frame_size).unwrap_or(0),
        bit_rate: u64::try_from(parameters.bit_rate).unwrap_or(0),
        extradata: extradata(stream),
        language: language(stream),
        details: audio_details(stream),
    }
}
