//! Audio tracks as C structs: compressed audio travels through a stream unchanged.

use std::ffi::{CString, c_char};
use std::mem::offset_of;

use neural_codec::bitstream::{AudioDetails, AudioTrack};
use neural_codec::frame::Rational;
use neural_codec::{Error, Result};

use crate::handle::call_without_handle;
use crate::pointer::{Growable, array, copied, init_struct, text};
use crate::status::NCODEC_OK;

/// What is known about an audio track. Fill it by ncodec_audio_track_init first. What a stream holds of a track beside this (trims,
/// samples before the sound, layout of channels, disposition, tags) is not in it: ncodec_encode_file and ncodec_decode_file keep it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CAudioTrack {
    /// Bytes of this struct; set by ncodec_audio_track_init.
    pub struct_size: u32,
    /// Seconds per unit of the packets' timestamps, numerator; 1 by default.
    pub time_base_num: u32,
    /// Seconds per unit of the packets' timestamps, denominator; 1000 by default.
    pub time_base_den: u32,
    /// Samples a second. Must be set.
    pub sample_rate: u32,
    /// Number of channels. Must be set.
    pub channels: u32,
    /// Samples a packet and channel; 0, the default, if it varies.
    pub frame_size: u32,
    /// Bits a second; 0, the default, if unknown.
    pub bit_rate: u64,
    /// FFmpeg's short name of the codec, such as "aac". Must be set.
    pub codec: *const c_char,
    /// Language tag; NULL, the default, if none.
    pub language: *const c_char,
    /// Codec-specific setup bytes ("extradata"); NULL, the default, if none.
    pub extradata: *const u8,
    /// Number of setup bytes.
    pub extradata_size: usize,
}

#[allow(unsafe_code)]
// SAFETY: repr(C); six 32-bit fields, one of 64 bits and four as wide as a pointer leave no gaps.
unsafe impl Growable for CAudioTrack {
    const FIRST_SIZE: usize = offset_of!(Self, extradata_size) + size_of::<usize>();
}

impl Default for CAudioTrack {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            time_base_num: 1,
            time_base_den: 1000,
            sample_rate: 0,
            channels: 0,
            frame_size: 0,
            bit_rate: 0,
            codec: std::ptr::null(),
            language: std::ptr::null(),
            extradata: std::ptr::null(),
            extradata_size: 0,
        }
    }
}

impl CAudioTrack {
    /// The library's own copy.
    ///
    /// # Safety
    /// The texts are NULL or strings, and `extradata` is NULL or holds `extradata_size` bytes.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` naming the field.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn to_track(self) -> Result<AudioTrack> {
        // SAFETY: the contract is this function's own.
        let (codec, language, extradata) = unsafe {
            let language = if self.language.is_null() { "" } else { text("language", self.language)? };
            (text("codec", self.codec)?, language, array("extradata", self.extradata, self.extradata_size)?)
        };
        if self.sample_rate == 0 {
            return Err(Error::invalid("sample_rate", "at least 1", 0));
        }
        let channels = u16::try_from(self.channels).ok().filter(|&channels| channels > 0);
        Ok(AudioTrack {
            codec: codec.into(),
            time_base: Rational::new(self.time_base_num, self.time_base_den)?,
            sample_rate: self.sample_rate,
            channels: channels.ok_or_else(|| Error::invalid("channels", "1 to 65535", self.channels))?,
            frame_size: self.frame_size,
            bit_rate: self.bit_rate,
            extradata: copied("extradata", extradata)?,
            language: language.into(),
            details: AudioDetails::default(),
        })
    }
}

/// A track whose texts C can read, as long as this value lives.
pub(crate) struct ReadableTrack {
    track: AudioTrack,
    codec: CString,
    language: CString,
}

impl ReadableTrack {
    pub(crate) fn new(track: AudioTrack) -> Result<Self> {
        let text =
            |text: &str| CString::new(text).map_err(|_| Error::invalid("audio track", "no NUL", "NUL"));
        Ok(Self { codec: text(&track.codec)?, language: text(&track.language)?, track })
    }

    pub(crate) fn to_c(&self) -> CAudioTrack {
        CAudioTrack {
            struct_size: size_of::<CAudioTrack>() as u32,
            time_base_num: self.track.time_base.num,
            time_base_den: self.track.time_base.den,
            sample_rate: self.track.sample_rate,
            channels: u32::from(self.track.channels),
            frame_size: self.track.frame_size,
            bit_rate: self.track.bit_rate,
            codec: self.codec.as_ptr(),
            language: if self.track.language.is_empty() { std::ptr::null() } else { self.language.as_ptr() },
            // That of an empty vector points nowhere.
            extradata: if self.track.extradata.is_empty() {
                std::ptr::null()
            } else {
                self.track.extradata.as_ptr()
            },
            extradata_size: self.track.extradata.len(),
        }
    }
}

/// Fills a track with the defaults given at its fields. Pass sizeof *track as track_size.
///
/// Ownership: the struct is yours. Threads: any.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub unsafe extern "C" fn ncodec_audio_track_init(track: *mut CAudioTrack, track_size: usize) -> i32 {
    call_without_handle(|| {
        // SAFETY: the header asks for NULL or a struct of that size.
        unsafe { init_struct("track", track, track_size, CAudioTrack::default())? };
        Ok(NCODEC_OK)
    })
}
