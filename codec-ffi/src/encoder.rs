//! The streaming encoder's calls. What they do is in `encoder/state.rs`; here pointers are checked and passed on.

#![allow(unsafe_code)] // Only to pass a caller's pointers on to `pointer`, `planes` and `Handle`.

mod state;

use std::ffi::{c_char, c_void};

use neural_codec::bitstream::{AudioPacket, Trim};
use neural_codec::progress::CancelToken;

use self::state::EncoderState;
use crate::audio::CAudioTrack;
use crate::handle::{Handle, Opaque, call_without_handle};
use crate::log::{LogCallback, Logger};
use crate::planes::read_frame;
use crate::pointer::{Output, array, copied, give_text, read_struct, reference, text};
use crate::progress::{Listener, ProgressCallback};
use crate::status::NCODEC_OK;
use crate::video::CVideoInfo;

/// An encoder: frames in, bytes of stream out.
pub struct Encoder {
    handle: Handle<EncoderState>,
    /// Outside the lock, so that any thread may raise it.
    cancel: CancelToken,
}

impl Opaque for Encoder {
    type State = EncoderState;
    const NAME: &'static str = "encoder";

    fn handle(&self) -> &Handle<EncoderState> {
        &self.handle
    }
}

/// Creates an encoder with default settings.
///
/// Ownership: *encoder is yours; end it by ncodec_encoder_close. Threads: any; see the top of this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_create(encoder: *mut *mut Encoder) -> i32 {
    call_without_handle(|| {
        // SAFETY: NULL or a place for a pointer, as the header asks.
        let mut output = unsafe { Output::new("encoder", encoder)? };
        let cancel = CancelToken::new();
        let handle = Handle::new(EncoderState::new(cancel.clone()));
        output.put(Box::into_raw(Box::new(Encoder { handle, cancel })));
        Ok(NCODEC_OK)
    })
}

/// Changes a setting, before ncodec_encoder_open. docs/C.md lists keys and values, such as "quantizer", "30" or
/// "effort", "6". "scenes", "0-60,60-120" gives the scenes, in frames, end exclusive, instead of finding them.
///
/// An unknown key or a value out of range is NCODEC_ERROR_INVALID_ARGUMENT, whose message names it and what would be
/// accepted. Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_set(
    encoder: *mut Encoder,
    key: *const c_char,
    value: *const c_char,
) -> i32 {
    // SAFETY: NULL, a live handle, and strings, as the header asks.
    unsafe { Encoder::call(encoder, |state| state.set(text("key", key)?, text("value", value)?)) }
}

/// Names a callback that is told how far the encode is, from inside ncodec_encoder_send_frame and
/// ncodec_encoder_receive on the thread that calls them. callback may be NULL for none, and user_data too.
///
/// Ownership: user_data stays yours and is handed to each callback; it must live until the close or the next
/// ncodec_encoder_set_progress. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_set_progress(
    encoder: *mut Encoder,
    callback: ProgressCallback,
    user_data: *mut c_void,
) -> i32 {
    // SAFETY: NULL or a live handle, as the header asks.
    unsafe { Encoder::call(encoder, |state| state.set_progress(Listener::new(callback, user_data))) }
}

/// Names a callback that is told what the encoder has to say, from inside ncodec_encoder_receive on the thread that calls
/// it: notes and the sum of the encode, once the stream is whole. Without one the library says nothing. callback may be
/// NULL for none, and user_data too.
///
/// Ownership: user_data stays yours and is handed to each callback; it must live until the close or the next
/// ncodec_encoder_set_logger. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_set_logger(
    encoder: *mut Encoder,
    callback: LogCallback,
    user_data: *mut c_void,
) -> i32 {
    // SAFETY: NULL or a live handle, as the header asks.
    unsafe { Encoder::call(encoder, |state| state.set_logger(Logger::new(callback, user_data))) }
}

/// Announces an audio track whose compressed packets the stream will carry, before ncodec_encoder_open. The first
/// track has number 0, the next 1.
///
/// Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_add_audio_track(
    encoder: *mut Encoder,
    track: *const CAudioTrack,
) -> i32 {
    // SAFETY: NULL, a live handle, and a struct with its strings and bytes, as the header asks.
    unsafe {
        Encoder::call(encoder, |state| {
            let track = read_struct("track", track, CAudioTrack::default())?;
            state.add_audio_track(track.to_track()?)
        })
    }
}

/// Begins the encode of a clip as described by info. Loads SVT-AV1: NCODEC_ERROR_MISSING_LIBRARY where it is not
/// there.
///
/// Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_open(encoder: *mut Encoder, info: *const CVideoInfo) -> i32 {
    // SAFETY: NULL, a live handle, and a struct, as the header asks.
    unsafe {
        Encoder::call(encoder, |state| {
            state.open(read_struct("info", info, CVideoInfo::default())?.to_video()?)
        })
    }
}

/// Sends the next frame. The whole encode, with check() as your error handling:
///
///     ncodec_encoder *encoder = NULL;
///     ncodec_video_info info;
///     const uint8_t *data;
///     size_t size;
///     int32_t status;
///     check(ncodec_encoder_create(&encoder));
///     check(ncodec_encoder_set(encoder, "quantizer", "30"));
///     check(ncodec_video_info_init(&info, sizeof info));
///     info.width = 1280;
///     info.height = 720;
///     check(ncodec_encoder_open(encoder, &info));
///     while (next_frame(planes, strides, &timestamp)) {
///         check(ncodec_encoder_send_frame(encoder, planes, strides, timestamp));
///         while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK)
///             write(data, size);
///         check(status);                 // NCODEC_AGAIN: send on
///     }
///     check(ncodec_encoder_finish(encoder));
///     while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK)
///         write(data, size);
///     check(status);                     // NCODEC_END: the stream is whole
///     ncodec_encoder_close(&encoder);
///
/// planes points to 3 planes, each to its top left sample; ncodec_plane_size says how large each is. strides points
/// to the 3 distances in bytes from a row to the one below, negative where rows lie bottom up in memory. timestamp is
/// in the info's time base and rises from frame to frame.
///
/// The call waits while too many frames wait for their encoder; it never returns NCODEC_AGAIN. After an error other
/// than NCODEC_ERROR_INVALID_ARGUMENT and NCODEC_ERROR_WRONG_ORDER only the close is left.
/// Ownership: the samples are copied before the call returns. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_send_frame(
    encoder: *mut Encoder,
    planes: *const *const c_void,
    strides: *const isize,
    timestamp: i64,
) -> i32 {
    // SAFETY: NULL, a live handle, and three planes with their strides, as the header asks.
    unsafe {
        Encoder::call(encoder, |state| {
            let planes = reference("planes", planes.cast::<[*const c_void; 3]>())?;
            let strides = reference("strides", strides.cast::<[isize; 3]>())?;
            let frame = read_frame(planes, strides, state.info("ncodec_encoder_send_frame")?)?;
            state.send_frame(frame.with_timestamp(timestamp))
        })
    }
}

/// Sends a compressed packet of an announced audio track, to be stored near the frames sent around it. timestamp and
/// duration (0 if unknown) are in the track's time base.
///
/// Ownership: the bytes are copied before the call returns. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_send_audio(
    encoder: *mut Encoder,
    track: u32,
    timestamp: i64,
    duration: u32,
    data: *const u8,
    size: usize,
) -> i32 {
    // SAFETY: NULL, a live handle, and bytes, as the header asks.
    unsafe {
        Encoder::call(encoder, |state| {
            let data = copied("audio packet", array("data", data, size)?)?;
            let track = u8::try_from(track).unwrap_or(u8::MAX);
            state.send_audio(AudioPacket { track, timestamp, duration, trim: Trim::default(), data })
        })
    }
}

/// Says that no frame will follow; then receive until NCODEC_END. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_finish(encoder: *mut Encoder) -> i32 {
    // SAFETY: NULL or a live handle, as the header asks.
    unsafe { Encoder::call(encoder, EncoderState::finish) }
}

/// Gives the next bytes of the stream; the loop is shown at ncodec_encoder_send_frame.
///
/// NCODEC_AGAIN before ncodec_encoder_finish: send more frames first. After it the call waits, and gives NCODEC_END
/// once everything was received.
/// Ownership: *data is the library's, valid until the next call on this encoder. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_receive(
    encoder: *mut Encoder,
    data: *mut *const u8,
    size: *mut usize,
) -> i32 {
    // SAFETY: NULL, a live handle, and places for the results, as the header asks.
    unsafe {
        Encoder::call(encoder, |state| {
            let (mut data, mut size) = (Output::new("data", data)?, Output::new("size", size)?);
            data.put(std::ptr::null());
            size.put(0);
            let status = state.receive()?;
            if status == NCODEC_OK {
                data.put(state.packet().as_ptr());
                size.put(state.packet().len());
            }
            Ok(status)
        })
    }
}

/// Gives the account of the encode as JSON (schema neural-codec/report/1), once ncodec_encoder_receive gave
/// NCODEC_END.
///
/// Ownership: *json is yours; free it by ncodec_string_free. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_report(encoder: *mut Encoder, json: *mut *mut c_char) -> i32 {
    // SAFETY: NULL, a live handle, and a place for a pointer, as the header asks.
    unsafe {
        Encoder::call(encoder, |state| {
            let mut json = Output::new("json", json)?;
            give_text(&state.report()?, &mut json)?;
            Ok(NCODEC_OK)
        })
    }
}

/// Asks the encode to stop; the call at work and all later ones are then NCODEC_ERROR_CANCELLED. Cannot be undone.
///
/// Threads: any, also while another call is at work, but not while or after the encoder is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_cancel(encoder: *const Encoder) -> i32 {
    call_without_handle(|| {
        // SAFETY: NULL or a live handle, as the header asks; the token is made for many threads.
        unsafe { reference("encoder", encoder)? }.cancel.cancel();
        Ok(NCODEC_OK)
    })
}

/// The message of the last call on this encoder that failed; empty when none did, and for a NULL encoder that of
/// ncodec_last_error.
///
/// Ownership: the library's, valid until the next call on this encoder. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_error(encoder: *const Encoder) -> *const c_char {
    // SAFETY: NULL or a live handle, as the header asks.
    unsafe { Encoder::message(encoder) }
}

/// Where the last failure was: byte offset in the stream, scene and frame, each -1 where unknown.
///
/// Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_error_place(
    encoder: *const Encoder,
    offset: *mut i64,
    scene: *mut i64,
    frame: *mut i64,
) -> i32 {
    // SAFETY: NULL, a live handle, and places for the results, as the header asks.
    unsafe { Encoder::place(encoder, [offset, scene, frame]) }
}

/// Ends an encoder, cancelling what is at work, and sets *encoder to NULL. NULL for either is fine.
///
/// NCODEC_ERROR_WRONG_ORDER, and nothing done, from inside a progress callback of this encoder.
/// Ownership: takes the encoder and all that it gave, except texts. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encoder_close(encoder: *mut *mut Encoder) -> i32 {
    // SAFETY: NULL, or a pointer to NULL or to a live handle, as the header asks.
    unsafe { Encoder::close(encoder) }
}
