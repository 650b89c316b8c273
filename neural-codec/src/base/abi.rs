//! SVT-AV1's C structures, in the three layouts they have had since version 1.0.
//!
//! Source: `EbSvtAv1.h` of releases 1.4.1, 2.2, 3.0 and 4.1. The configuration structure is never touched by
//! offset: its options are set by name, so only its size matters here.

use std::ffi::{c_char, c_int, c_void};

/// `EbErrorType`: 0 is success.
pub(super) type Status = c_int;

/// `EB_ErrorNone`.
pub(super) const OK: Status = 0;
/// `EB_ErrorInsufficientResources`.
pub(super) const INSUFFICIENT_RESOURCES: Status = 0x8000_1000_u32 as i32;
/// `EB_NoErrorEmptyQueue`: no packet is ready.
pub(super) const EMPTY_QUEUE: Status = 0x8000_2033_u32 as i32;

/// `EB_BUFFERFLAG_EOS`: the last packet, and the call that says there are no more pictures.
pub(super) const FLAG_END: u32 = 1;
/// `EB_AV1_KEY_PICTURE`.
const KEY_PICTURE: u32 = 3;
/// `EB_AV1_INVALID_PICTURE`: the encoder chooses the type.
const ANY_PICTURE: u32 = 0xFF;

/// Room for `EbSvtAv1EncConfiguration`, which takes 1.7 KiB in version 1.4 and 0.7 KiB in 4.1.
#[repr(C, align(64))]
pub(super) struct Config(pub(super) [u8; 16 << 10]);

/// An encoder instance of the library.
#[repr(C)]
pub(super) struct Component {
    opaque: [u8; 0],
}

/// `svt_av1_enc_init_handle`, whose second argument went away in version 3.
#[derive(Debug, Clone, Copy)]
pub(super) enum InitHandle {
    WithAppData(unsafe extern "C" fn(*mut *mut Component, *mut c_void, *mut Config) -> Status),
    Plain(unsafe extern "C" fn(*mut *mut Component, *mut Config) -> Status),
}

/// The entry points that are used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) layout: BufferLayout,
    pub(super) init_handle: InitHandle,
    pub(super) parse_parameter: unsafe extern "C" fn(*mut Config, *const c_char, *const c_char) -> Status,
    pub(super) set_parameter: unsafe extern "C" fn(*mut Component, *mut Config) -> Status,
    pub(super) init: unsafe extern "C" fn(*mut Component) -> Status,
    pub(super) send_picture: unsafe extern "C" fn(*mut Component, *mut c_void) -> Status,
    pub(super) get_packet: unsafe extern "C" fn(*mut Component, *mut *mut c_void, u8) -> Status,
    pub(super) release_out_buffer: unsafe extern "C" fn(*mut *mut c_void),
    pub(super) deinit: unsafe extern "C" fn(*mut Component) -> Status,
    pub(super) deinit_handle: unsafe extern "C" fn(*mut Component) -> Status,
}

/// How `EbBufferHeaderType` and `EbSvtIOFormat` are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BufferLayout {
    /// 1.0 to 1.4: planes are followed by three more for the low bits of packed 10-bit samples.
    V1_0,
    /// 1.5 to 2.x: those three are gone.
    V1_5,
    /// 3.0 to 4.x: the header names the temporal layer; nothing follows the strides of a picture.
    V3_0,
}

/// `EbSvtIOFormat` from version 1.5 on. The tail, which version 3 no longer has, is always 0 but for the size.
#[repr(C)]
#[derive(Clone, Copy)]
struct Picture1_5 {
    planes: [*const u8; 3],
    strides: [u32; 3],
    width: u32,
    height: u32,
    tail: [u32; 8],
}

/// `EbSvtIOFormat` before version 1.5.
#[repr(C)]
#[derive(Clone, Copy)]
struct Picture1_0 {
    planes: [*const u8; 3],
    low_bits: [*const u8; 3],
    strides: [u32; 3],
    width: u32,
    height: u32,
    tail: [u32; 8],
}

/// Fields of `EbBufferHeaderType` that all versions begin with.
#[repr(C)]
#[derive(Clone, Copy)]
struct HeaderStart {
    size: u32,
    buffer: *mut u8,
    filled: u32,
    allocated: u32,
    app_private: *mut c_void,
    wrapper: *mut c_void,
    tick_count: u32,
    dts: i64,
    pts: i64,
}

/// Fields of `EbBufferHeaderType` that all versions end with, after the picture type.
#[repr(C)]
#[derive(Clone, Copy)]
struct HeaderEnd {
    sse: [u64; 3],
    flags: u32,
    ssim: [f64; 3],
    metadata: *mut c_void,
}

/// `EbBufferHeaderType` before version 3.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header1_0 {
    start: HeaderStart,
    quantizer: u32,
    picture_type: u32,
    end: HeaderEnd,
}

/// `EbBufferHeaderType` from version 3 on.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header3_0 {
    start: HeaderStart,
    temporal_layer: u8,
    quantizer: u32,
    mean_quantizer: u32,
    picture_type: u32,
    end: HeaderEnd,
}

/// What is sent for one picture.
pub(super) struct PictureIn {
    pub(super) planes: [*const u8; 3],
    /// In samples.
    pub(super) strides: [u32; 3],
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) byte_len: u32,
    pub(super) pts: i64,
}

/// What comes back for one temporal unit.
pub(super) struct PacketOut {
    pub(super) data: *const u8,
    pub(super) len: usize,
    pub(super) pts: i64,
    pub(super) quantizer: u32,
    pub(super) temporal_layer: Option<u8>,
    pub(super) is_key: bool,
    pub(super) flags: u32,
}

impl BufferLayout {
    /// Builds the structures for `picture`, or for the end of the stream, and calls `send` with their address.
    pub(super) fn with_header(
        self,
        picture: Option<&PictureIn>,
        send: impl FnOnce(*mut c_void) -> Status,
    ) -> Status {
        let tail = [0; 8];
        let mut old;
        let mut new;
        let buffer: *mut u8 = match picture {
            None => std::ptr::null_mut(),
            Some(&PictureIn { planes, strides, width, height, .. }) if self == Self::V1_0 => {
                let low_bits = [std::ptr::null(); 3];
                old = Picture1_0 { planes, low_bits, strides, width, height, tail };
                (&raw mut old).cast()
            }
            Some(&PictureIn { planes, strides, width, height, .. }) => {
                new = Picture1_5 { planes, strides, width, height, tail };
                (&raw mut new).cast()
            }
        };
        let byte_len = picture.map_or(0, |p| p.byte_len);
        let start = HeaderStart {
            size: 0,
            buffer,
            filled: byte_len,
            allocated: byte_len,
            app_private: std::ptr::null_mut(),
            wrapper: std::ptr::null_mut(),
            tick_count: 0,
            dts: 0,
            pts: picture.map_or(0, |p| p.pts),
        };
        let flags = if picture.is_some() { 0 } else { FLAG_END };
        let end = HeaderEnd { sse: [0; 3], flags, ssim: [0.0; 3], metadata: std::ptr::null_mut() };
        if self == Self::V3_0 {
            let mut header = Header3_0 {
                start,
                temporal_layer: 0,
                quantizer: 0,
                mean_quantizer: 0,
                picture_type: ANY_PICTURE,
                end,
            };
            header.start.size = size_of_val(&header) as u32;
            send((&raw mut header).cast())
        } else {
            let mut header = Header1_0 { start, quantizer: 0, picture_type: ANY_PICTURE, end };
            header.start.size = size_of_val(&header) as u32;
            send((&raw mut header).cast())
        }
    }

    /// Reads the header of a packet.
    ///
    /// # Safety
    /// `header` points to an `EbBufferHeaderType` that a library of this layout gave out and still holds.
    #[allow(unsafe_code)]
    pub(super) unsafe fn read_packet(self, header: *const c_void) -> PacketOut {
        let (start, end, quantizer, picture_type, temporal_layer) = if self == Self::V3_0 {
            // SAFETY: the caller vouches for the address, and the layout for the type of the value at it.
            let h = unsafe { *header.cast::<Header3_0>() };
            (h.start, h.end, h.quantizer, h.picture_type, Some(h.temporal_layer))
        } else {
            // SAFETY: as above.
            let h = unsafe { *header.cast::<Header1_0>() };
            (h.start, h.end, h.quantizer, h.picture_type, None)
        };
        PacketOut {
            data: start.buffer,
            len: start.filled as usize,
            pts: start.pts,
            quantizer,
            temporal_layer,
            is_key: picture_type == KEY_PICTURE,
            flags: end.flags,
        }
    }
}
