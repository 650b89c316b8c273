//! The calls into FFmpeg that writing needs and `ffmpeg-next` has no safe form of. Unsafe.

#![allow(unsafe_code)]

use std::ffi::{CString, c_int};

use ffmpeg_next::codec::{Context, Parameters};
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Output;

use crate::bitstream::AudioTrack;
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
    pub(super) sequence_header: &'a [u8],
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
    set_extradata(&mut parameters, track.sequence_header)?;
    Ok(parameters)
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
    let name = CString::new(track.codec.as_str()).map_err(|_| unknown())?;
    // SAFETY: takes a C string and returns null or a pointer to static data.
    let descriptor =
        unsafe { ffi::avcodec_descriptor_get_by_name(name.as_ptr()).as_ref() }.ok_or_else(unknown)?;
    if descriptor.type_ != ffi::AVMediaType::AVMEDIA_TYPE_AUDIO {
        return Err(unknown());
    }
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
        raw.bits_per_coded_sample = bits;
        raw.block_align = bits * c_int::from(track.channels) / 8;
        if track.codec == "opus" {
            // Pre-skip, at byte 10 of the identification header (RFC 7845 clause 5.1).
            let header =
                [track.extradata.get(10), track.extradata.get(11)].map(|byte| byte.copied().unwrap_or(0));
            raw.initial_padding = u16::from_le_bytes(header).into();
        }
        ffi::av_channel_layout_default(&mut raw.ch_layout, track.channels.into());
    }
    set_extradata(&mut parameters, &track.extradata)?;
    Ok(parameters)
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
