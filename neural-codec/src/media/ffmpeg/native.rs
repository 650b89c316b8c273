//! The calls into FFmpeg that reading needs and `ffmpeg-next` has no safe form of. Unsafe code lives here.
//!
//! With `native_write` the only unsafe code under `media`.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};

use ffmpeg_next::codec::Context;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::frame;

use super::sample_layout::{Component, SampleLayout};
use crate::bitstream::AudioTrack;
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
        readable: !has(unreadable) && !name.starts_with("xyz") && descriptor.nb_components > 0,
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

/// An audio stream's description, without its index among the tracks.
pub(super) fn audio_track(stream: &Stream<'_>, time_base: Rational) -> AudioTrack {
    // SAFETY: a stream of an open input has parameters, which stay while the stream is borrowed.
    let parameters = unsafe { &*(*stream.as_ptr()).codecpar };
    // SAFETY: takes any codec and returns a static C string.
    let codec = unsafe { CStr::from_ptr(ffi::avcodec_get_name(parameters.codec_id)) };
    let extradata = match usize::try_from(parameters.extradata_size) {
        Ok(size) if !parameters.extradata.is_null() => {
            // SAFETY: the two fields describe one allocation of at least that size.
            unsafe { std::slice::from_raw_parts(parameters.extradata, size) }.to_vec()
        }
        _ => Vec::new(),
    };
    AudioTrack {
        codec: codec.to_string_lossy().into_owned(),
        time_base,
        sample_rate: u32::try_from(parameters.sample_rate).unwrap_or(0),
        channels: u16::try_from(parameters.ch_layout.nb_channels).unwrap_or(0),
        frame_size: u32::try_from(parameters.frame_size).unwrap_or(0),
        bit_rate: u64::try_from(parameters.bit_rate).unwrap_or(0),
        extradata,
        language: stream.metadata().get("language").unwrap_or_default().to_owned(),
    }
}
