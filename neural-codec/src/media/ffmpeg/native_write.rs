//! The calls into FFmpeg that writing needs and `ffmpeg-next` has no safe form of. Unsafe.

#![allow(unsafe_code)]

use std::ffi::{CString, c_int};

use ffmpeg_next::codec::{Context, Parameters};
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Packet, ffi};

use crate::bitstream::{Attachment, AudioTrack, SubtitleTrack, Trim};
use crate::error::{Error, Result};
use crate::frame::{ChromaLocation, Color, ColorRange, Rational};

/// The numbers of FFmpeg's enumerations for `color`: range, primaries, transfer, matrix, chroma location.
fn color_numbers(color: Color) -> [c_int; 5] {
    [
        match color.range {
            ColorRange::Unspecified => 0,
            ColorRange::Limited => 1,
            ColorRange::Full => 2,
        },
        color.primaries.into(),
        color.transfer.into(),
        color.matrix.into(),
        match color.chroma_location {
            ChromaLocation::Unspecified => 0,
            ChromaLocation::Left => 1,
            ChromaLocation::Center => 2,
            ChromaLocation::TopLeft => 3,
        },
    ]
}

/// Tells an encoder what the samples mean.
pub(super) fn set_encoder_color(context: &mut Context, color: Color) {
    let numbers = color_numbers(color);
    // SAFETY: the context is allocated and not yet open; each field is an enumeration of the size of a C int,
    // written as a number so that no enumeration value is made up on this side.
    unsafe {
        let context = context.as_mut_ptr();
        (&raw mut (*context).color_range).cast::<c_int>().write(numbers[0]);
        (&raw mut (*context).color_primaries).cast::<c_int>().write(numbers[1]);
        (&raw mut (*context).color_trc).cast::<c_int>().write(numbers[2]);
        (&raw mut (*context).colorspace).cast::<c_int>().write(numbers[3]);
        (&raw mut (*context).chroma_sample_location).cast::<c_int>().write(numbers[4]);
    }
}

/// Has an encoder use all cores, and hand its headers to the container where `global_header` asks for it.
pub(super) fn set_encoder_threads(context: &mut Context, global_header: bool) {
    // SAFETY: the context is allocated and not yet open, which is when these fields are the caller's to set.
    unsafe {
        let context = &mut *context.as_mut_ptr();
        context.thread_count = 0;
        if global_header {
            context.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as c_int;
        }
    }
}

/// What a muxer has to know about an AV1 track that is not in its packets.
pub(super) struct Av1Track<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) color: Color,
    pub(super) ten_bit: bool,
    /// OBUs that the container keeps for all units.
    pub(super) setup: &'a [u8],
}

/// Parameters of an AV1 track.
pub(super) fn av1_parameters(track: &Av1Track<'_>) -> Result<Parameters> {
    let mut parameters = new_parameters()?;
    let numbers = color_numbers(track.color);
    let format = match track.ten_bit {
        false => ffi::AVPixelFormat::AV_PIX_FMT_YUV420P,
        true => ffi::AVPixelFormat::AV_PIX_FMT_YUV420P10LE,
    };
    // SAFETY: freshly allocated parameters that nothing else refers to; enumerations are written as numbers.
    unsafe {
        let raw = parameters.as_mut_ptr();
        (*raw).codec_type = ffi::AVMediaType::AVMEDIA_TYPE_VIDEO;
        (*raw).codec_id = ffi::AVCodecID::AV_CODEC_ID_AV1;
        (*raw).format = format as c_int;
        (*raw).width = track.width as c_int;
        (*raw).height = track.height as c_int;
        (&raw mut (*raw).color_range).cast::<c_int>().write(numbers[0]);
        (&raw mut (*raw).color_primaries).cast::<c_int>().write(numbers[1]);
        (&raw mut (*raw).color_trc).cast::<c_int>().write(numbers[2]);
        (&raw mut (*raw).color_space).cast::<c_int>().write(numbers[3]);
        (&raw mut (*raw).chroma_location).cast::<c_int>().write(numbers[4]);
    }
    set_extradata(&mut parameters, track.setup)?;
    Ok(parameters)
}

/// A codec by FFmpeg's short name, where it is of this kind.
fn descriptor(name: &str, medium: ffi::AVMediaType) -> Option<&'static ffi::AVCodecDescriptor> {
    let name = CString::new(name).ok()?;
    // SAFETY: takes a C string and returns null or a pointer to static data.
    let found = unsafe { ffi::avcodec_descriptor_get_by_name(name.as_ptr()).as_ref() };
    found.filter(|descriptor| descriptor.type_ == medium)
}

/// Whether FFmpeg knows a codec of sound.
pub(super) fn knows_audio(codec: &str) -> bool {
    descriptor(codec, ffi::AVMediaType::AVMEDIA_TYPE_AUDIO).is_some()
}

/// Whether a container of FFmpeg's name holds sound of a codec.
pub(super) fn holds_audio(container: &str, codec: &str) -> bool {
    let Some(codec) = descriptor(codec, ffi::AVMediaType::AVMEDIA_TYPE_AUDIO) else { return false };
    let Ok(container) = CString::new(container) else { return false };
    // SAFETY: takes a C string and NULLs, and returns null or a pointer to static data.
    let format = unsafe { ffi::av_guess_format(container.as_ptr(), std::ptr::null(), std::ptr::null()) };
    // SAFETY: takes a format that is there, and any codec; no memory is involved.
    !format.is_null()
        && unsafe { ffi::avformat_query_codec(format, codec.id, ffi::FF_COMPLIANCE_EXPERIMENTAL) } == 1
}

/// Parameters of a subtitle track as a reader described it.
///
/// # Errors
///
/// `Unsupported` for a codec this FFmpeg does not know.
pub(super) fn subtitle_parameters(track: &SubtitleTrack) -> Result<Parameters> {
    let unknown = || Error::Unsupported {
        what: format!("subtitle codec {}", track.codec),
        remedy: "use an FFmpeg that knows the codec".into(),
    };
    let medium = ffi::AVMediaType::AVMEDIA_TYPE_SUBTITLE;
    let descriptor = descriptor(&track.codec, medium).ok_or_else(unknown)?;
    let mut parameters = new_parameters()?;
    // SAFETY: freshly allocated parameters that nothing else refers to.
    unsafe {
        let raw = &mut *parameters.as_mut_ptr();
        raw.codec_type = medium;
        raw.codec_id = descriptor.id;
        raw.width = c_int::try_from(track.size.0).unwrap_or(0);
        raw.height = c_int::try_from(track.size.1).unwrap_or(0);
    }
    set_extradata(&mut parameters, &track.extradata)?;
    Ok(parameters)
}

/// Parameters of a file inside the file, or of a picture that is a track of its own.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn attachment_parameters(attachment: &Attachment, is_picture: bool) -> Result<Parameters> {
    let video = ffi::AVMediaType::AVMEDIA_TYPE_VIDEO;
    let kinds = [video, ffi::AVMediaType::AVMEDIA_TYPE_ATTACHMENT, ffi::AVMediaType::AVMEDIA_TYPE_SUBTITLE];
    let found = kinds.into_iter().find_map(|medium| descriptor(&attachment.codec, medium));
    // Fonts are data to FFmpeg.
    let found = found.or_else(|| descriptor(&attachment.codec, ffi::AVMediaType::AVMEDIA_TYPE_DATA));
    let mut parameters = new_parameters()?;
    // SAFETY: freshly allocated parameters that nothing else refers to.
    unsafe {
        let raw = &mut *parameters.as_mut_ptr();
        raw.codec_type = if is_picture { video } else { ffi::AVMediaType::AVMEDIA_TYPE_ATTACHMENT };
        raw.codec_id = found.map_or(ffi::AVCodecID::AV_CODEC_ID_NONE, |descriptor| descriptor.id);
        if is_picture {
            // MP4 is refused without a size, which is not written: a cover is stored as the file that it is.
            (raw.width, raw.height) = (1, 1);
        }
    }
    if !is_picture {
        set_extradata(&mut parameters, &attachment.data)?;
    }
    Ok(parameters)
}

/// Asks for a file without random numbers, dates and versions: the same input gives the same bytes.
pub(super) fn make_reproducible(output: &mut Output) {
    // SAFETY: a plain field of an open output whose header is not yet written.
    unsafe { (*output.as_mut_ptr()).flags |= ffi::AVFMT_FLAG_BITEXACT as c_int }
}

/// Sets what a player does with a stream.
pub(super) fn set_disposition(output: &mut Output, index: usize, disposition: u32) {
    if index < output.nb_streams() as usize {
        // SAFETY: the stream is there; plain field, and the header is not yet written.
        unsafe { (**(*output.as_mut_ptr()).streams.add(index)).disposition = disposition as c_int }
    }
}

/// Says what is cut off a packet's samples.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn set_trim(packet: &mut Packet, trim: Trim) -> Result<()> {
    if trim == Trim::default() || trim.start == u32::MAX {
        return Ok(());
    }
    // Samples at the start and at the end, and a reason for each.
    const BYTES: usize = 10;
    use ffmpeg_next::packet::Mut;
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_SKIP_SAMPLES;
    // SAFETY: the packet owns an allocated AVPacket; returns null or that many bytes that it owns.
    let data = unsafe { ffi::av_packet_new_side_data(packet.as_mut_ptr(), kind, BYTES as _) };
    if data.is_null() {
        return Err(Error::OutOfMemory { what: "packet", bytes: BYTES as u64 });
    }
    // SAFETY: not null, so BYTES bytes long, and nothing else refers to them.
    let data = unsafe { std::slice::from_raw_parts_mut(data, BYTES) };
    data.fill(0);
    data[..4].copy_from_slice(&trim.start.to_le_bytes());
    data[4..8].copy_from_slice(&trim.end.to_le_bytes());
    Ok(())
}

/// Parameters of an audio track as a reader described it.
///
/// # Errors
///
/// `Unsupported` for a codec this FFmpeg does not know.
pub(super) fn audio_parameters(track: &AudioTrack) -> Result<Parameters> {
    let unknown = || Error::Unsupported {
        what: format!("audio codec {}", track.codec),
        remedy: "leave the audio out, or use an FFmpeg that knows the codec".into(),
    };
    let descriptor = descriptor(&track.codec, ffi::AVMediaType::AVMEDIA_TYPE_AUDIO).ok_or_else(unknown)?;
    let mut parameters = new_parameters()?;
    // SAFETY: takes any codec; no memory is involved.
    let bits = unsafe { ffi::av_get_bits_per_sample(descriptor.id) };
    // SAFETY: freshly allocated parameters that nothing else refers to.
    unsafe {
        let raw = &mut *parameters.as_mut_ptr();
        raw.codec_type = descriptor.type_;
        raw.codec_id = descriptor.id;
        raw.sample_rate = c_int::try_from(track.sample_rate).unwrap_or(0);
        raw.frame_size = c_int::try_from(track.frame_size).unwrap_or(0);
        raw.bit_rate = i64::try_from(track.bit_rate).unwrap_or(0);
        raw.bits_per_coded_sample = match track.details.bits_per_sample {
            0 => bits,
            bits => bits.into(),
        };
        raw.block_align = match c_int::try_from(track.details.block_align) {
            Ok(bytes @ 1..) => bytes,
            _ => bits * c_int::from(track.channels) / 8,
        };
        raw.initial_padding = c_int::try_from(track.details.initial_padding).unwrap_or(0);
        if track.codec == "opus" {
            // Pre-skip, at byte 10 of the identification header (RFC 7845 clause 5.1).
            let header =
                [track.extradata.get(10), track.extradata.get(11)].map(|byte| byte.copied().unwrap_or(0));
            raw.initial_padding = u16::from_le_bytes(header).into();
        }
    }
    set_channel_layout(&mut parameters, track);
    set_extradata(&mut parameters, &track.extradata)?;
    Ok(parameters)
}

/// The track's channel layout, or the usual one of that many channels.
fn set_channel_layout(parameters: &mut Parameters, track: &AudioTrack) {
    let name = CString::new(track.details.channel_layout.as_str()).unwrap_or_default();
    // SAFETY: parameters that this file has allocated and nothing else refers to; the name is a C string. A name that is
    // none leaves the layout as it was, empty.
    unsafe {
        let layout = &mut (*parameters.as_mut_ptr()).ch_layout;
        let is_named = !name.is_empty() && ffi::av_channel_layout_from_string(layout, name.as_ptr()) == 0;
        if is_named && layout.nb_channels == c_int::from(track.channels) {
            return;
        }
        ffi::av_channel_layout_uninit(layout);
        ffi::av_channel_layout_default(layout, track.channels.into());
    }
}

/// Whether a track's channels are the usual ones of that many.
pub(super) fn is_usual_layout(track: &AudioTrack) -> bool {
    let Ok(name) = CString::new(track.details.channel_layout.as_str()) else { return true };
    if name.is_empty() {
        return true;
    }
    // SAFETY: an all-zero layout is an empty one.
    let (mut named, mut usual): (ffi::AVChannelLayout, ffi::AVChannelLayout) = unsafe { std::mem::zeroed() };
    // SAFETY: both layouts are this function's own, and the name is a C string; nothing is kept.
    unsafe {
        ffi::av_channel_layout_default(&mut usual, track.channels.into());
        let is_named = ffi::av_channel_layout_from_string(&mut named, name.as_ptr()) == 0;
        let same = !is_named || ffi::av_channel_layout_compare(&named, &usual) == 0;
        ffi::av_channel_layout_uninit(&mut named);
        ffi::av_channel_layout_uninit(&mut usual);
        same
    }
}

fn new_parameters() -> Result<Parameters> {
    let parameters = Parameters::new();
    // SAFETY: reads the pointer only.
    if unsafe { parameters.as_ptr() }.is_null() {
        return Err(Error::OutOfMemory { what: "codec parameters", bytes: 0 });
    }
    Ok(parameters)
}

fn set_extradata(parameters: &mut Parameters, bytes: &[u8]) -> Result<()> {
    let failed = || Error::OutOfMemory { what: "codec setup bytes", bytes: bytes.len() as u64 };
    if bytes.is_empty() {
        return Ok(());
    }
    let size = c_int::try_from(bytes.len()).map_err(|_| failed())?;
    // SAFETY: allocates zeroed bytes or returns null.
    let copy =
        unsafe { ffi::av_mallocz(bytes.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize) }.cast::<u8>();
    if copy.is_null() {
        return Err(failed());
    }
    // SAFETY: the new allocation is longer than `bytes`; the parameters, which had none, become its owner.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
        (*parameters.as_mut_ptr()).extradata = copy;
        (*parameters.as_mut_ptr()).extradata_size = size;
    }
    Ok(())
}

/// Sets the shape of a video stream's pixels, which only its description holds.
pub(super) fn set_pixel_aspect(output: &mut Output, index: usize, aspect: Rational) {
    let (Ok(num), Ok(den)) = (c_int::try_from(aspect.num), c_int::try_from(aspect.den)) else { return };
    if index < output.nb_streams() as usize {
        // SAFETY: the stream is there and has parameters; the header is not yet written.
        unsafe {
            let stream = *(*output.as_mut_ptr()).streams.add(index);
            (*stream).sample_aspect_ratio = ffi::AVRational { num, den };
            (*(*stream).codecpar).sample_aspect_ratio = ffi::AVRational { num, den };
        }
    }
}

/// Lets the muxer choose its own tag for a codec that was taken from another container or encoder.
pub(super) fn clear_codec_tag(output: &mut Output, index: usize) {
    if index < output.nb_streams() as usize {
        // SAFETY: the stream is there and has parameters; the header is not yet written.
        unsafe { (*(**(*output.as_mut_ptr()).streams.add(index)).codecpar).codec_tag = 0 }
    }
}
