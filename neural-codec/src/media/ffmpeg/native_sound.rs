//! The calls into FFmpeg that encoding sound needs and `ffmpeg-next` has no safe form of. Unsafe.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int};

use ffmpeg_next::codec::Context;
use ffmpeg_next::{Packet, ffi, frame};

use crate::error::{Error, Result};
use crate::frame::Rational;

/// What decoded sound is like, in FFmpeg's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SoundFormat {
    pub(super) sample: String,
    pub(super) rate: u32,
    pub(super) layout: String,
    pub(super) channels: usize,
}

/// What a decoded frame is like; `None` where it says too little.
pub(super) fn format_of(frame: &frame::Audio) -> Option<SoundFormat> {
    // SAFETY: `frame::Audio` owns an allocated frame; plain fields.
    let (format, rate, layout) =
        unsafe { ((*frame.as_ptr()).format, (*frame.as_ptr()).sample_rate, &(*frame.as_ptr()).ch_layout) };
    let sample = sample_name(format)?;
    let channels = usize::try_from(layout.nb_channels).ok().filter(|&count| count > 0)?;
    let rate = u32::try_from(rate).ok().filter(|&rate| rate > 0)?;
    let layout = match layout.order {
        ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC => usual_layout(channels)?,
        _ => layout_name(layout)?,
    };
    Some(SoundFormat { sample, rate, layout, channels })
}

fn sample_name(format: c_int) -> Option<String> {
    if !(0..ffi::AVSampleFormat::AV_SAMPLE_FMT_NB as c_int).contains(&format) {
        return None;
    }
    // SAFETY: the formats are numbered from 0 to NB without a gap, and the number is within.
    let format: ffi::AVSampleFormat = unsafe { std::mem::transmute(format) };
    // SAFETY: takes any format and returns null or a static C string.
    let name = unsafe { ffi::av_get_sample_fmt_name(format) };
    // SAFETY: not null, so a static C string.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

fn layout_name(layout: &ffi::AVChannelLayout) -> Option<String> {
    let mut name = [0_u8; 64];
    // SAFETY: a layout that is there; at most as many bytes as there are get written, the last of them NUL.
    let length = unsafe { ffi::av_channel_layout_describe(layout, name.as_mut_ptr().cast(), name.len()) };
    let text = CStr::from_bytes_until_nul(&name).ok()?.to_str().ok()?;
    (length > 0).then(|| text.to_owned())
}

/// FFmpeg's name of the usual layout of so many channels.
pub(super) fn usual_layout(channels: usize) -> Option<String> {
    // SAFETY: an all-zero layout is an empty one.
    let mut layout: ffi::AVChannelLayout = unsafe { std::mem::zeroed() };
    // SAFETY: the layout is this function's own; a usual one owns no memory.
    unsafe { ffi::av_channel_layout_default(&mut layout, c_int::try_from(channels).ok()?) };
    (layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE).then(|| layout_name(&layout))?
}

/// How an encoder of sound is to be opened.
pub(super) struct EncoderSetup<'a> {
    pub(super) rate: u32,
    pub(super) layout: &'a str,
    pub(super) bit_rate: Option<u32>,
    /// Bits of a sample that matter, for codecs without loss; 0 if that does not apply.
    pub(super) sample_bits: u32,
}

/// Prepares an encoder that hands its headers to the container.
///
/// # Errors
///
/// `InvalidArgument` for a layout that FFmpeg does not know.
pub(super) fn set_up(context: &mut Context, setup: &EncoderSetup<'_>) -> Result<()> {
    let wrong = || Error::invalid("channel layout", "one that FFmpeg knows", setup.layout);
    let name = CString::new(setup.layout).map_err(|_| wrong())?;
    // SAFETY: the context is allocated and not yet open, which is when these fields are the caller's to set; the name is a C
    // string.
    unsafe {
        let context = &mut *context.as_mut_ptr();
        context.sample_rate = c_int::try_from(setup.rate).unwrap_or(0);
        context.time_base = ffi::AVRational { num: 1, den: context.sample_rate };
        context.bit_rate = setup.bit_rate.map_or(context.bit_rate, i64::from);
        context.bits_per_raw_sample = setup.sample_bits as c_int;
        context.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as c_int;
        // FFmpeg calls its own encoder of Opus experimental.
        context.strict_std_compliance = ffi::FF_COMPLIANCE_EXPERIMENTAL;
        context.thread_count = 1;
        match ffi::av_channel_layout_from_string(&mut context.ch_layout, name.as_ptr()) {
            0 => Ok(()),
            _ => Err(wrong()),
        }
    }
}

/// What an open encoder tells of what it makes.
pub(super) struct Made {
    /// Samples at the start that are decoded and not heard.
    pub(super) padding: u32,
    pub(super) channels: u16,
    pub(super) extradata: Vec<u8>,
    pub(super) bit_rate: u64,
}

/// Reads an encoder that is open.
pub(super) fn made(context: &Context) -> Made {
    // SAFETY: an allocated context; plain fields.
    let context = unsafe { &*context.as_ptr() };
    let extradata = match usize::try_from(context.extradata_size) {
        Ok(size) if !context.extradata.is_null() => {
            // SAFETY: the two fields describe one allocation of at least that size, which lives as long as the context.
            unsafe { std::slice::from_raw_parts(context.extradata, size) }.to_vec()
        }
        _ => Vec::new(),
    };
    Made {
        padding: u32::try_from(context.initial_padding).unwrap_or(0),
        channels: u16::try_from(context.ch_layout.nb_channels).unwrap_or(0),
        extradata,
        bit_rate: u64::try_from(context.bit_rate).unwrap_or(0),
    }
}

/// Sets the unit of the times that a decoder is given.
pub(super) fn set_packet_base(context: &mut Context, base: Rational) {
    let (Ok(num), Ok(den)) = (c_int::try_from(base.num), c_int::try_from(base.den)) else { return };
    // SAFETY: the context is allocated and not yet open, which is when the field is the caller's to set.
    unsafe { (*context.as_mut_ptr()).pkt_timebase = ffi::AVRational { num, den } }
}

/// Has a decoder decode a packet and give none of its samples.
pub(super) fn discard(packet: &mut Packet) {
    use ffmpeg_next::packet::Mut;
    // SAFETY: the packet owns an allocated AVPacket; plain field.
    unsafe { (*packet.as_mut_ptr()).flags |= ffi::AV_PKT_FLAG_DISCARD as c_int }
}

/// A frame for an encoder, with room for so many samples.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn frame_for(context: &Context, samples: usize) -> Result<frame::Audio> {
    let failed = || Error::OutOfMemory { what: "frame of sound", bytes: 0 };
    let mut frame = frame::Audio::empty();
    // SAFETY: an open encoder's fields are read; the frame is allocated (or null, which is checked) and nothing else refers to it.
    unsafe {
        let (context, raw) = (&*context.as_ptr(), frame.as_mut_ptr());
        if raw.is_null() {
            return Err(failed());
        }
        (*raw).format = context.sample_fmt as c_int;
        (*raw).sample_rate = context.sample_rate;
        (*raw).nb_samples = c_int::try_from(samples).map_err(|_| failed())?;
        if ffi::av_channel_layout_copy(&mut (*raw).ch_layout, &context.ch_layout) < 0
            || ffi::av_frame_get_buffer(raw, 0) < 0
        {
            return Err(failed());
        }
    }
    Ok(frame)
}
