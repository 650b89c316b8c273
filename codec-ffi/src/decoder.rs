//! The streaming decoder's calls. What they do is in `decoder/state.rs`; here pointers are checked and passed on.

#![allow(unsafe_code)] // Only to pass a caller's pointers on to `pointer`, `planes` and `Handle`.

mod state;

use std::ffi::{c_char, c_void};

use self::state::DecoderState;
use crate::audio::CAudioTrack;
use crate::handle::{Handle, Opaque, call_without_handle};
use crate::planes::write_frame;
use crate::pointer::{Output, array, path, reference, text, write_struct};
use crate::status::{NCODEC_AGAIN, NCODEC_END, NCODEC_OK};
use crate::video::CVideoInfo;

/// A decoder: bytes of stream in, frames out.
pub struct Decoder {
    handle: Handle<DecoderState>,
}

impl Opaque for Decoder {
    type State = DecoderState;
    const NAME: &'static str = "decoder";

    fn handle(&self) -> &Handle<DecoderState> {
        &self.handle
    }
}

/// Creates a decoder with default settings, whose limits refuse adversarial streams.
///
/// Ownership: *decoder is yours; end it by ncodec_decoder_close. Threads: any; see the top of this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_create(decoder: *mut *mut Decoder) -> i32 {
    call_without_handle(|| {
        // SAFETY: NULL or a place for a pointer, as the header asks.
        let mut output = unsafe { Output::new("decoder", decoder)? };
        output.put(Box::into_raw(Box::new(Decoder { handle: Handle::new(DecoderState::default()) })));
        Ok(NCODEC_OK)
    })
}

/// Changes a setting, before the first ncodec_decoder_send_data: "threads" (0: all processors), "on_damage" ("stop",
/// or "skip_scene": an error is reported once and decoding continues with the next intact scene), "whole_scenes" ("true":
/// sent bytes wait for their whole scene, and no frame is provisional), or a limit such as "max_pixels" or "max_width".
/// docs/C.md lists them.
///
/// An unknown key or a value out of range is NCODEC_ERROR_INVALID_ARGUMENT, whose message names it and what would be
/// accepted. Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_set(
    decoder: *mut Decoder,
    key: *const c_char,
    value: *const c_char,
) -> i32 {
    // SAFETY: NULL, a live handle, and strings, as the header asks.
    unsafe { Decoder::call(decoder, |state| state.set(text("key", key)?, text("value", value)?)) }
}

/// Sends the next bytes of the stream, as many as there are; the loop is shown at ncodec_decoder_receive_frame.
///
/// NCODEC_AGAIN: none were taken because enough wait; receive a frame, then send the same bytes again. data may be NULL
/// when size is 0. Ownership: the bytes are copied before the call returns. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_send_data(
    decoder: *mut Decoder,
    data: *const u8,
    size: usize,
) -> i32 {
    // SAFETY: NULL, a live handle, and bytes, as the header asks.
    unsafe { Decoder::call(decoder, |state| state.send_data(array("data", data, size)?)) }
}

/// Says that no bytes will follow; then receive until NCODEC_END. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_finish(decoder: *mut Decoder) -> i32 {
    // SAFETY: NULL or a live handle, as the header asks.
    unsafe { Decoder::call(decoder, DecoderState::finish) }
}

/// Receives the next frame and its timestamp. The whole decode, with check() as your error handling:
///
///     ncodec_decoder *decoder = NULL;
///     ncodec_video_info info;
///     int64_t timestamp;
///     int32_t status;
///     check(ncodec_decoder_create(&decoder));
///     check(ncodec_video_info_init(&info, sizeof info));
///     while ((status = ncodec_decoder_receive_frame(decoder, &timestamp)) != NCODEC_END) {
///         if (status == NCODEC_AGAIN) {            // it needs bytes, and so takes them
///             if ((size = read(data, sizeof data)) > 0)
///                 check(ncodec_decoder_send_data(decoder, data, size));
///             else
///                 check(ncodec_decoder_finish(decoder));
///             continue;
///         }
///         check(status);
///         check(ncodec_decoder_video_info(decoder, &info));
///         // at the first frame, allocate planes of the size that ncodec_plane_size(&info, ...) says
///         check(ncodec_decoder_copy_frame(decoder, planes, strides));
///         show(planes, strides, timestamp);
///     }
///     ncodec_decoder_close(&decoder);
///
/// NCODEC_AGAIN: send more bytes, or finish. NCODEC_END: every frame was received. The call waits while the decoder is
/// at work. A frame comes as soon as the bytes that it needs were sent; see ncodec_decoder_is_provisional. timestamp is
/// in the info's time base. After an error under "on_damage" "stop" the next call gives
/// NCODEC_END; under "skip_scene" it continues with the next intact scene.
///
/// Ownership: the frame stays in the decoder until the next call of this function. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_receive_frame(decoder: *mut Decoder, timestamp: *mut i64) -> i32 {
    // SAFETY: NULL, a live handle, and a place for the result, as the header asks.
    unsafe {
        Decoder::call(decoder, |state| {
            let mut output = Output::new("timestamp", timestamp)?;
            let status = state.receive_frame()?;
            if let (NCODEC_OK, Ok(frame)) = (status, state.frame("ncodec_decoder_receive_frame")) {
                output.put(frame.timestamp);
            }
            Ok(status)
        })
    }
}

/// Says whether the frame that was received last may still turn out to be wrong, 1 or 0: sent bytes are decoded as they
/// come, before the checksum of their scene is known and before the hash of 32 frames can be compared.
///
///     check(ncodec_decoder_is_provisional(decoder, &is_provisional));
///     keep(frame);
///     if (!is_provisional)
///         confirm_all_that_are_kept();   // this one and those before it are right
///
/// An error in place of a frame says that the provisional ones since the last that was not are not to be relied on. Always 0
/// with "whole_scenes", for files, and for streams before version 1.3. NCODEC_ERROR_WRONG_ORDER when no frame was received.
/// Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_is_provisional(
    decoder: *mut Decoder,
    is_provisional: *mut i32,
) -> i32 {
    // SAFETY: NULL, a live handle, and a place for the result, as the header asks.
    unsafe {
        Decoder::call(decoder, |state| {
            let mut output = Output::new("is_provisional", is_provisional)?;
            output.put(i32::from(state.is_provisional()?));
            Ok(NCODEC_OK)
        })
    }
}

/// Opens a .nvc file, or an .mkv, .mp4 or .webm that this library wrote, in place of ncodec_decoder_send_data and
/// ncodec_decoder_finish: ncodec_decoder_receive_frame then reads by itself, from the first frame or from where
/// ncodec_decoder_seek says, and never gives NCODEC_AGAIN.
///
///     check(ncodec_decoder_create(&decoder));
///     check(ncodec_decoder_open_file(decoder, "clip.nvc"));
///     check(ncodec_decoder_frame_count(decoder, &frames));
///     check(ncodec_decoder_seek(decoder, frames / 2));
///     while ((status = ncodec_decoder_receive_frame(decoder, &timestamp)) == NCODEC_OK)
///         check(ncodec_decoder_copy_frame(decoder, planes, strides));
///     check(status);                     // NCODEC_END
///
/// The stream has to be whole: what has lost its end is NCODEC_ERROR_TRUNCATED here, and still decodes through
/// ncodec_decoder_send_data. Audio packets come that way too, not from here. Ownership: the path is copied. Threads: one at
/// a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_open_file(decoder: *mut Decoder, file: *const c_char) -> i32 {
    // SAFETY: NULL, a live handle, and a string, as the header asks.
    unsafe { Decoder::call(decoder, |state| state.open_file(path("path", file)?)) }
}

/// Gives the number of frames of the file that ncodec_decoder_open_file opened.
///
/// Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_frame_count(decoder: *mut Decoder, frames: *mut u64) -> i32 {
    // SAFETY: NULL, a live handle, and a place for the result, as the header asks.
    unsafe {
        Decoder::call(decoder, |state| {
            let mut output = Output::new("frames", frames)?;
            output.put(state.file("ncodec_decoder_frame_count")?.frame_count());
            Ok(NCODEC_OK)
        })
    }
}

/// Makes this frame of the file that ncodec_decoder_open_file opened the next one that ncodec_decoder_receive_frame gives;
/// their number itself is the end. Costs the decoding of the frames before it in its scene, at the next receive.
///
/// Also possible after NCODEC_END and after an error, whose scene it leaves. Ownership: nothing is kept. Threads: one at a
/// time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_seek(decoder: *mut Decoder, frame: u64) -> i32 {
    // SAFETY: NULL or a live handle, as the header asks.
    unsafe { Decoder::call(decoder, |state| state.seek(frame)) }
}

/// Fills info with what holds for every frame of the stream. NCODEC_AGAIN until the stream's head was decoded, which
/// it is once a frame was received.
///
/// Fill info by ncodec_video_info_init first. Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_video_info(decoder: *mut Decoder, info: *mut CVideoInfo) -> i32 {
    // SAFETY: NULL, a live handle, and a struct, as the header asks.
    unsafe {
        Decoder::call(decoder, |state| {
            reference("info", info.cast_const())?;
            let Some(found) = state.video_info() else { return Ok(NCODEC_AGAIN) };
            write_struct("info", info, CVideoInfo::from(&found))?;
            Ok(NCODEC_OK)
        })
    }
}

/// Copies the frame that was received last into your planes; may be called more than once for a frame.
///
/// planes points to 3 planes, each to the place of its top left sample; ncodec_plane_size says how large each must
/// be. strides points to the 3 distances in bytes from a row to the one below, negative where rows are to go bottom up
/// in memory. Nothing is written between rows. NCODEC_ERROR_WRONG_ORDER when no frame was received.
/// Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_copy_frame(
    decoder: *mut Decoder,
    planes: *const *mut c_void,
    strides: *const isize,
) -> i32 {
    // SAFETY: NULL, a live handle, and three planes with their strides, as the header asks.
    unsafe {
        Decoder::call(decoder, |state| {
            let planes = reference("planes", planes.cast::<[*mut c_void; 3]>())?;
            let strides = reference("strides", strides.cast::<[isize; 3]>())?;
            write_frame(state.frame("ncodec_decoder_copy_frame")?, planes, strides)?;
            Ok(NCODEC_OK)
        })
    }
}

/// Describes the audio track of this number, from 0. NCODEC_END: there is no such track. NCODEC_AGAIN: as
/// ncodec_decoder_video_info.
///
/// Fill track by ncodec_audio_track_init first. Ownership: what its pointers point to is the library's, valid until
/// the close. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_audio_track(
    decoder: *mut Decoder,
    number: u32,
    track: *mut CAudioTrack,
) -> i32 {
    // SAFETY: NULL, a live handle, and a struct, as the header asks.
    unsafe {
        Decoder::call(decoder, |state| {
            reference("track", track.cast_const())?;
            let Some(tracks) = state.audio_tracks()? else { return Ok(NCODEC_AGAIN) };
            let Some(found) = tracks.get(number as usize) else { return Ok(NCODEC_END) };
            write_struct("track", track, found.to_c())?;
            Ok(NCODEC_OK)
        })
    }
}

/// Gives the next compressed audio packet that was met so far. NCODEC_AGAIN: receive frames first, up to NCODEC_END,
/// after which NCODEC_AGAIN means that there is no more. Of packets that are not received the last 16 MiB are kept. Of an opened
/// file there are none here: always NCODEC_AGAIN.
///
/// Ownership: *data is the library's, valid until the next call of this function. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_receive_audio(
    decoder: *mut Decoder,
    track: *mut u32,
    timestamp: *mut i64,
    duration: *mut u32,
    data: *mut *const u8,
    size: *mut usize,
) -> i32 {
    // SAFETY: NULL, a live handle, and places for the results, as the header asks.
    unsafe {
        Decoder::call(decoder, |state| {
            let (mut track, mut timestamp, mut duration, mut data, mut size) = (
                Output::new("track", track)?,
                Output::new("timestamp", timestamp)?,
                Output::new("duration", duration)?,
                Output::new("data", data)?,
                Output::new("size", size)?,
            );
            let Some(packet) = state.receive_audio() else { return Ok(NCODEC_AGAIN) };
            track.put(u32::from(packet.track));
            timestamp.put(packet.timestamp);
            duration.put(packet.duration);
            data.put(packet.data.as_ptr());
            size.put(packet.data.len());
            Ok(NCODEC_OK)
        })
    }
}

/// The message of the last call on this decoder that failed; empty when none did, and for a NULL decoder that of
/// ncodec_last_error.
///
/// Ownership: the library's, valid until the next call on this decoder. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_error(decoder: *const Decoder) -> *const c_char {
    // SAFETY: NULL or a live handle, as the header asks.
    unsafe { Decoder::message(decoder) }
}

/// Where the last failure was: byte offset in the stream, scene and frame, each -1 where unknown.
///
/// Ownership: nothing is kept. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_error_place(
    decoder: *const Decoder,
    offset: *mut i64,
    scene: *mut i64,
    frame: *mut i64,
) -> i32 {
    // SAFETY: NULL, a live handle, and places for the results, as the header asks.
    unsafe { Decoder::place(decoder, [offset, scene, frame]) }
}

/// Ends a decoder and sets *decoder to NULL. NULL for either is fine.
///
/// Ownership: takes the decoder and all that it gave. Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decoder_close(decoder: *mut *mut Decoder) -> i32 {
    // SAFETY: NULL, or a pointer to NULL or to a live handle, as the header asks.
    unsafe { Decoder::close(decoder) }
}

/// Panics on purpose inside a call, to test that a panic stays inside the library. Not in the header, and not in
/// release builds.
#[cfg(debug_assertions)]
#[unsafe(no_mangle)]
#[allow(clippy::panic)]
pub unsafe extern "C" fn ncodec_debug_panic(decoder: *mut Decoder) -> i32 {
    // SAFETY: NULL or a live handle, as for every call.
    unsafe { Decoder::call(decoder, |_| panic!("on purpose")) }
}
