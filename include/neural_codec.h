/*
 * neural-codec: scene-adaptive video codec, the C interface.
 *
 * Link with -lneuralcodec. docs/C.md says how; examples/c/ holds whole programs.
 *
 * Encoding:  the loop is shown at ncodec_encoder_send_frame.
 * Decoding:  the loop is shown at ncodec_decoder_receive_frame.
 * Any frame of a file: ncodec_decoder_open_file, ncodec_decoder_seek.
 * In one call, from file to file: ncodec_encode_file, ncodec_decode_file.
 *
 * What holds for every call:
 *  - Calls return NCODEC_OK (0), a positive status that is no error (NCODEC_AGAIN, NCODEC_END), or a negative
 *    NCODEC_ERROR_*. After an error the message is at ncodec_encoder_error, ncodec_decoder_error, or, for calls
 *    without a handle, for a NULL handle, and for closing, cancelling and the place of an error, at ncodec_last_error.
 *  - A NULL argument is NCODEC_ERROR_INVALID_ARGUMENT unless the call says that it may be NULL.
 *  - The library keeps no pointer of yours after a call, except a callback and its user_data.
 *  - A handle is used by one thread at a time and may move between threads. A call that comes while another one
 *    is at work on the same handle, as from inside a callback, is NCODEC_ERROR_WRONG_ORDER.
 *    ncodec_encoder_cancel alone may come from any thread at any time before the handle is closed.
 *  - A failure inside the library is NCODEC_ERROR_INTERNAL. The handle is then poisoned: every call but its error
 *    calls and its close is NCODEC_ERROR_POISONED.
 *  - Texts are UTF-8 and end in NUL. Paths are the system's bytes.
 *  - Structs that start with struct_size may grow in later versions: fill them by their init call, which sets it.
 */


#ifndef NEURAL_CODEC_H
#define NEURAL_CODEC_H

/* Generated from codec-ffi by `make header`; edit the Rust sources instead. */

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this header; that of the library in use is ncodec_version().
 */
#define NCODEC_VERSION_MAJOR 0

/**
 * See NCODEC_VERSION_MAJOR.
 */
#define NCODEC_VERSION_MINOR 1

/**
 * See NCODEC_VERSION_MAJOR.
 */
#define NCODEC_VERSION_PATCH 0

/**
 * Number of the binary interface of this header. A library whose ncodec_abi_version() is another cannot be used.
 */
#define NCODEC_ABI_VERSION 1

/**
 * The call did what was asked.
 */
#define NCODEC_OK 0

/**
 * Nothing to give or no room to take right now; not an error. The call says what to do first.
 */
#define NCODEC_AGAIN 1

/**
 * Everything was given; not an error.
 */
#define NCODEC_END 2

/**
 * An argument or setting is not usable; the message names it.
 */
#define NCODEC_ERROR_INVALID_ARGUMENT -1

/**
 * The call cannot be made now.
 */
#define NCODEC_ERROR_WRONG_ORDER -2

/**
 * The bytes are not a valid stream, or are damaged.
 */
#define NCODEC_ERROR_CORRUPT -3

/**
 * The bytes end too early.
 */
#define NCODEC_ERROR_TRUNCATED -4

/**
 * The stream was written by a newer version of the format.
 */
#define NCODEC_ERROR_UNSUPPORTED_VERSION -5

/**
 * A valid request that this build or this machine cannot serve.
 */
#define NCODEC_ERROR_UNSUPPORTED_FEATURE -6

/**
 * A limit of the settings or of the format is exceeded.
 */
#define NCODEC_ERROR_LIMIT_EXCEEDED -7

/**
 * Memory could not be allocated.
 */
#define NCODEC_ERROR_OUT_OF_MEMORY -8

/**
 * A compute device failed or is not there.
 */
#define NCODEC_ERROR_DEVICE -9

/**
 * The work was cancelled, by ncodec_encoder_cancel or by a progress callback.
 */
#define NCODEC_ERROR_CANCELLED -10

/**
 * The operating system refused to read or write.
 */
#define NCODEC_ERROR_IO -11

/**
 * A library that is loaded at run time, such as SVT-AV1, is not there; the message says how to get it.
 */
#define NCODEC_ERROR_MISSING_LIBRARY -12

/**
 * An earlier call on this handle failed inside the library; only its error calls and its close are left.
 */
#define NCODEC_ERROR_POISONED -13

/**
 * The library or a component of it failed; the fault is not the caller's.
 */
#define NCODEC_ERROR_INTERNAL -14

/**
 * Luma, and chroma at half width and half height.
 */
#define NCODEC_LAYOUT_YUV420 0

/**
 * Luma, and chroma at half width.
 */
#define NCODEC_LAYOUT_YUV422 1

/**
 * Luma and chroma at the same size.
 */
#define NCODEC_LAYOUT_YUV444 2

/**
 * Red, green, blue.
 */
#define NCODEC_LAYOUT_RGB 3

/**
 * The source does not say; conversions treat YUV as limited and RGB as full.
 */
#define NCODEC_RANGE_UNSPECIFIED 0

/**
 * Luma from 16 to 235, chroma from 16 to 240, scaled by 4 at 10 bits.
 */
#define NCODEC_RANGE_LIMITED 1

/**
 * The whole range of the bit depth.
 */
#define NCODEC_RANGE_FULL 2

/**
 * The source does not say.
 */
#define NCODEC_CHROMA_UNSPECIFIED 0

/**
 * Between two luma rows, in the left luma column.
 */
#define NCODEC_CHROMA_LEFT 1

/**
 * In the center of four luma samples.
 */
#define NCODEC_CHROMA_CENTER 2

/**
 * On the top left luma sample.
 */
#define NCODEC_CHROMA_TOP_LEFT 3

/**
 * Something worth knowing: what was done, and why.
 */
#define NCODEC_LOG_INFO 1

/**
 * Something the encoder could not do as asked, such as a target that cannot be met.
 */
#define NCODEC_LOG_WARNING 2

/**
 * A decoder: bytes of stream in, frames out.
 */
typedef struct ncodec_decoder ncodec_decoder;

/**
 * An encoder: frames in, bytes of stream out.
 */
typedef struct ncodec_encoder ncodec_encoder;

/**
 * Size, format, color and rate of a clip. Fill it by ncodec_video_info_init first.
 *
 * A picture is three planes: Y, U, V or R, G, B. Samples of 8 bits are bytes; those of 10 bits are uint16_t in the
 * machine's byte order, with values up to 1023.
 */
typedef struct ncodec_video_info {
    /**
     * Bytes of this struct; set by ncodec_video_info_init.
     */
    uint32_t struct_size;
    /**
     * Width in pixels, 1 to 16384. Must be set.
     */
    uint32_t width;
    /**
     * Height in pixels, 1 to 16384. Must be set.
     */
    uint32_t height;
    /**
     * An NCODEC_LAYOUT_*; NCODEC_LAYOUT_YUV420 by default. Other layouts are encoded as 4:2:0.
     */
    int32_t layout;
    /**
     * Bits of a sample, 8 (the default) or 10.
     */
    int32_t bit_depth;
    /**
     * An NCODEC_RANGE_*; unspecified by default.
     */
    int32_t color_range;
    /**
     * Color primaries as in ITU-T H.273 table 2; 2, unspecified, by default.
     */
    int32_t color_primaries;
    /**
     * Transfer characteristics as in ITU-T H.273 table 3; 2, unspecified, by default.
     */
    int32_t color_transfer;
    /**
     * Matrix coefficients as in ITU-T H.273 table 4; 2, unspecified, by default.
     */
    int32_t color_matrix;
    /**
     * An NCODEC_CHROMA_*; unspecified by default.
     */
    int32_t chroma_location;
    /**
     * Frames a second, numerator: the mean where the rate varies; 25 by default.
     */
    uint32_t frame_rate_num;
    /**
     * Frames a second, denominator; 1 by default.
     */
    uint32_t frame_rate_den;
    /**
     * Seconds per unit of a timestamp, numerator. 0, the default, in this and the next: one frame.
     */
    uint32_t time_base_num;
    /**
     * Seconds per unit of a timestamp, denominator.
     */
    uint32_t time_base_den;
    /**
     * Width of a pixel over its height, numerator; 1 by default.
     */
    uint32_t pixel_aspect_num;
    /**
     * Width of a pixel over its height, denominator; 1 by default.
     */
    uint32_t pixel_aspect_den;
} ncodec_video_info;

/**
 * What is known about an audio track. Fill it by ncodec_audio_track_init first. What a stream holds of a track beside this (trims,
 * samples before the sound, layout of channels, disposition, tags) is not in it: ncodec_encode_file and ncodec_decode_file keep it.
 */
typedef struct ncodec_audio_track {
    /**
     * Bytes of this struct; set by ncodec_audio_track_init.
     */
    uint32_t struct_size;
    /**
     * Seconds per unit of the packets' timestamps, numerator; 1 by default.
     */
    uint32_t time_base_num;
    /**
     * Seconds per unit of the packets' timestamps, denominator; 1000 by default.
     */
    uint32_t time_base_den;
    /**
     * Samples a second. Must be set.
     */
    uint32_t sample_rate;
    /**
     * Number of channels. Must be set.
     */
    uint32_t channels;
    /**
     * Samples a packet and channel; 0, the default, if it varies.
     */
    uint32_t frame_size;
    /**
     * Bits a second; 0, the default, if unknown.
     */
    uint64_t bit_rate;
    /**
     * FFmpeg's short name of the codec, such as "aac". Must be set.
     */
    const char *codec;
    /**
     * Language tag; NULL, the default, if none.
     */
    const char *language;
    /**
     * Codec-specific setup bytes ("extradata"); NULL, the default, if none.
     */
    const uint8_t *extradata;
    /**
     * Number of setup bytes.
     */
    size_t extradata_size;
} ncodec_audio_track;

/**
 * How far an encode or decode has come.
 */
typedef struct ncodec_progress {
    /**
     * Bytes of this struct as the library knows it; later versions may append fields.
     */
    uint32_t struct_size;
    /**
     * Scenes finished.
     */
    uint32_t scenes_done;
    /**
     * Frames finished.
     */
    uint64_t frames_done;
    /**
     * Frames of the whole clip, -1 while unknown.
     */
    int64_t frames_total;
    /**
     * Bytes of stream written or read.
     */
    uint64_t bytes;
    /**
     * What an encode began last: "locate", "pilot", "store", "filter" or "still"; NULL before the first attempt, and of other work.
     * It lives as long as the library.
     */
    const char *stage;
    /**
     * Attempts that an encode has begun, over all scenes.
     */
    uint64_t attempts;
    /**
     * Frames coded by all attempts, those that look for a quantizer included.
     */
    uint64_t frames_coded;
} ncodec_progress;

/**
 * Told now and then how far the work is, on the thread that made the call. Non-zero cancels the work, and the call
 * is NCODEC_ERROR_CANCELLED. It must return: no longjmp, no exception. progress is valid inside the callback only.
 */
typedef int32_t (*ncodec_progress_callback)(const struct ncodec_progress *progress, void *user_data);

/**
 * Told one message, on the thread that made the call. It must return: no longjmp, no exception. message is valid inside
 * the callback only.
 */
typedef void (*ncodec_log_callback)(int32_t level, const char *message, void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version, such as "0.1.0". Ownership: a static text; never free it. Threads: any.
 */
const char *ncodec_version(void);

/**
 * The library's NCODEC_ABI_VERSION; it changes when a program must be compiled anew. Threads: any.
 */
int32_t ncodec_abi_version(void);

/**
 * The message of the last call on this thread that failed and had no handle to keep its message; empty when
 * none did. Such calls are those that take no handle, those that close one, cancel it or ask for the place of its error, and all
 * calls when their handle is NULL.
 *
 * Ownership: the library's, valid until the next such failure on this thread. Threads: each has its own.
 */
const char *ncodec_last_error(void);

/**
 * Frees a text that a call gave through a char **. NULL is fine. Threads: any.
 */
void ncodec_string_free(char *text);

/**
 * A short name for any status, `unknown status` for numbers that are none.
 *
 * Ownership: a static text; never free it. Threads: any.
 */
const char *ncodec_status_name(int32_t status);

/**
 * Fills a description with the defaults given at its fields. Pass sizeof *info as info_size.
 *
 * Ownership: the struct is yours. Threads: any.
 */
int32_t ncodec_video_info_init(struct ncodec_video_info *info, size_t info_size);

/**
 * Says how large a plane (0, 1 or 2) of a picture is: bytes in a row and number of rows, both without padding.
 *
 * Use it to allocate planes for ncodec_encoder_send_frame and ncodec_decoder_copy_frame. Width, height, layout
 * and bit_depth of info are read. Ownership: nothing is kept. Threads: any.
 */
int32_t ncodec_plane_size(const struct ncodec_video_info *info,
                          int32_t plane,
                          size_t *row_bytes,
                          size_t *rows);

/**
 * Fills a track with the defaults given at its fields. Pass sizeof *track as track_size.
 *
 * Ownership: the struct is yours. Threads: any.
 */
int32_t ncodec_audio_track_init(struct ncodec_audio_track *track, size_t track_size);

/**
 * Creates an encoder with default settings.
 *
 * Ownership: *encoder is yours; end it by ncodec_encoder_close. Threads: any; see the top of this file.
 */
int32_t ncodec_encoder_create(struct ncodec_encoder **encoder);

/**
 * Changes a setting, before ncodec_encoder_open. docs/C.md lists keys and values, such as "quantizer", "30" or
 * "effort", "6". "scenes", "0-60,60-120" gives the scenes, in frames, end exclusive, instead of finding them.
 *
 * An unknown key or a value out of range is NCODEC_ERROR_INVALID_ARGUMENT, whose message names it and what would be
 * accepted. Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_encoder_set(struct ncodec_encoder *encoder,
                           const char *key,
                           const char *value);

/**
 * Names a callback that is told how far the encode is, from inside ncodec_encoder_send_frame and
 * ncodec_encoder_receive on the thread that calls them. callback may be NULL for none, and user_data too.
 *
 * Ownership: user_data stays yours and is handed to each callback; it must live until the close or the next
 * ncodec_encoder_set_progress. Threads: one at a time.
 */
int32_t ncodec_encoder_set_progress(struct ncodec_encoder *encoder,
                                    ncodec_progress_callback callback,
                                    void *user_data);

/**
 * Names a callback that is told what the encoder has to say, from inside ncodec_encoder_receive on the thread that calls
 * it: notes and the sum of the encode, once the stream is whole. Without one the library says nothing. callback may be
 * NULL for none, and user_data too.
 *
 * Ownership: user_data stays yours and is handed to each callback; it must live until the close or the next
 * ncodec_encoder_set_logger. Threads: one at a time.
 */
int32_t ncodec_encoder_set_logger(struct ncodec_encoder *encoder,
                                  ncodec_log_callback callback,
                                  void *user_data);

/**
 * Announces an audio track whose compressed packets the stream will carry, before ncodec_encoder_open. The first
 * track has number 0, the next 1.
 *
 * Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_encoder_add_audio_track(struct ncodec_encoder *encoder,
                                       const struct ncodec_audio_track *track);

/**
 * Begins the encode of a clip as described by info. Loads SVT-AV1: NCODEC_ERROR_MISSING_LIBRARY where it is not
 * there.
 *
 * Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_encoder_open(struct ncodec_encoder *encoder,
                            const struct ncodec_video_info *info);

/**
 * Sends the next frame. The whole encode, with check() as your error handling:
 *
 *     ncodec_encoder *encoder = NULL;
 *     ncodec_video_info info;
 *     const uint8_t *data;
 *     size_t size;
 *     int32_t status;
 *     check(ncodec_encoder_create(&encoder));
 *     check(ncodec_encoder_set(encoder, "quantizer", "30"));
 *     check(ncodec_video_info_init(&info, sizeof info));
 *     info.width = 1280;
 *     info.height = 720;
 *     check(ncodec_encoder_open(encoder, &info));
 *     while (next_frame(planes, strides, &timestamp)) {
 *         check(ncodec_encoder_send_frame(encoder, planes, strides, timestamp));
 *         while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK)
 *             write(data, size);
 *         check(status);                 // NCODEC_AGAIN: send on
 *     }
 *     check(ncodec_encoder_finish(encoder));
 *     while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK)
 *         write(data, size);
 *     check(status);                     // NCODEC_END: the stream is whole
 *     ncodec_encoder_close(&encoder);
 *
 * planes points to 3 planes, each to its top left sample; ncodec_plane_size says how large each is. strides points
 * to the 3 distances in bytes from a row to the one below, negative where rows lie bottom up in memory. timestamp is
 * in the info's time base and rises from frame to frame.
 *
 * The call waits while too many frames wait for their encoder; it never returns NCODEC_AGAIN. After an error other
 * than NCODEC_ERROR_INVALID_ARGUMENT and NCODEC_ERROR_WRONG_ORDER only the close is left.
 * Ownership: the samples are copied before the call returns. Threads: one at a time.
 */
int32_t ncodec_encoder_send_frame(struct ncodec_encoder *encoder,
                                  const void *const *planes,
                                  const ptrdiff_t *strides,
                                  int64_t timestamp);

/**
 * Sends a compressed packet of an announced audio track, to be stored near the frames sent around it. timestamp and
 * duration (0 if unknown) are in the track's time base.
 *
 * Ownership: the bytes are copied before the call returns. Threads: one at a time.
 */
int32_t ncodec_encoder_send_audio(struct ncodec_encoder *encoder,
                                  uint32_t track,
                                  int64_t timestamp,
                                  uint32_t duration,
                                  const uint8_t *data,
                                  size_t size);

/**
 * Says that no frame will follow; then receive until NCODEC_END. Threads: one at a time.
 */
int32_t ncodec_encoder_finish(struct ncodec_encoder *encoder);

/**
 * Gives the next bytes of the stream; the loop is shown at ncodec_encoder_send_frame.
 *
 * NCODEC_AGAIN before ncodec_encoder_finish: send more frames first. After it the call waits, and gives NCODEC_END
 * once everything was received.
 * Ownership: *data is the library's, valid until the next call on this encoder. Threads: one at a time.
 */
int32_t ncodec_encoder_receive(struct ncodec_encoder *encoder,
                               const uint8_t **data,
                               size_t *size);

/**
 * Gives the account of the encode as JSON (schema neural-codec/report/1), once ncodec_encoder_receive gave
 * NCODEC_END.
 *
 * Ownership: *json is yours; free it by ncodec_string_free. Threads: one at a time.
 */
int32_t ncodec_encoder_report(struct ncodec_encoder *encoder,
                              char **json);

/**
 * Asks the encode to stop; the call at work and all later ones are then NCODEC_ERROR_CANCELLED. Cannot be undone.
 *
 * Threads: any, also while another call is at work, but not while or after the encoder is closed.
 */
int32_t ncodec_encoder_cancel(const struct ncodec_encoder *encoder);

/**
 * The message of the last call on this encoder that failed; empty when none did, and for a NULL encoder that of
 * ncodec_last_error.
 *
 * Ownership: the library's, valid until the next call on this encoder. Threads: one at a time.
 */
const char *ncodec_encoder_error(const struct ncodec_encoder *encoder);

/**
 * Where the last failure was: byte offset in the stream, scene and frame, each -1 where unknown.
 *
 * Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_encoder_error_place(const struct ncodec_encoder *encoder,
                                   int64_t *offset,
                                   int64_t *scene,
                                   int64_t *frame);

/**
 * Ends an encoder, cancelling what is at work, and sets *encoder to NULL. NULL for either is fine.
 *
 * NCODEC_ERROR_WRONG_ORDER, and nothing done, from inside a progress callback of this encoder.
 * Ownership: takes the encoder and all that it gave, except texts. Threads: one at a time.
 */
int32_t ncodec_encoder_close(struct ncodec_encoder **encoder);

/**
 * Creates a decoder with default settings, whose limits refuse adversarial streams.
 *
 * Ownership: *decoder is yours; end it by ncodec_decoder_close. Threads: any; see the top of this file.
 */
int32_t ncodec_decoder_create(struct ncodec_decoder **decoder);

/**
 * Changes a setting, before the first ncodec_decoder_send_data: "threads" (0: all processors), "on_damage" ("stop",
 * or "skip_scene": an error is reported once and decoding continues with the next intact scene), "whole_scenes" ("true":
 * sent bytes wait for their whole scene, and no frame is provisional), or a limit such as "max_pixels" or "max_width".
 * docs/C.md lists them.
 *
 * An unknown key or a value out of range is NCODEC_ERROR_INVALID_ARGUMENT, whose message names it and what would be
 * accepted. Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_decoder_set(struct ncodec_decoder *decoder,
                           const char *key,
                           const char *value);

/**
 * Sends the next bytes of the stream, as many as there are; the loop is shown at ncodec_decoder_receive_frame.
 *
 * NCODEC_AGAIN: none were taken because enough wait; receive a frame, then send the same bytes again. data may be NULL
 * when size is 0. Ownership: the bytes are copied before the call returns. Threads: one at a time.
 */
int32_t ncodec_decoder_send_data(struct ncodec_decoder *decoder,
                                 const uint8_t *data,
                                 size_t size);

/**
 * Says that no bytes will follow; then receive until NCODEC_END. Threads: one at a time.
 */
int32_t ncodec_decoder_finish(struct ncodec_decoder *decoder);

/**
 * Receives the next frame and its timestamp. The whole decode, with check() as your error handling:
 *
 *     ncodec_decoder *decoder = NULL;
 *     ncodec_video_info info;
 *     int64_t timestamp;
 *     int32_t status;
 *     check(ncodec_decoder_create(&decoder));
 *     check(ncodec_video_info_init(&info, sizeof info));
 *     while ((status = ncodec_decoder_receive_frame(decoder, &timestamp)) != NCODEC_END) {
 *         if (status == NCODEC_AGAIN) {            // it needs bytes, and so takes them
 *             if ((size = read(data, sizeof data)) > 0)
 *                 check(ncodec_decoder_send_data(decoder, data, size));
 *             else
 *                 check(ncodec_decoder_finish(decoder));
 *             continue;
 *         }
 *         check(status);
 *         check(ncodec_decoder_video_info(decoder, &info));
 *         // at the first frame, allocate planes of the size that ncodec_plane_size(&info, ...) says
 *         check(ncodec_decoder_copy_frame(decoder, planes, strides));
 *         show(planes, strides, timestamp);
 *     }
 *     ncodec_decoder_close(&decoder);
 *
 * NCODEC_AGAIN: send more bytes, or finish. NCODEC_END: every frame was received. The call waits while the decoder is
 * at work. A frame comes as soon as the bytes that it needs were sent; see ncodec_decoder_is_provisional. timestamp is
 * in the info's time base. After an error under "on_damage" "stop" the next call gives
 * NCODEC_END; under "skip_scene" it continues with the next intact scene.
 *
 * Ownership: the frame stays in the decoder until the next call of this function. Threads: one at a time.
 */
int32_t ncodec_decoder_receive_frame(struct ncodec_decoder *decoder,
                                     int64_t *timestamp);

/**
 * Says whether the frame that was received last may still turn out to be wrong, 1 or 0: sent bytes are decoded as they
 * come, before the checksum of their scene is known and before the hash of 32 frames can be compared.
 *
 *     check(ncodec_decoder_is_provisional(decoder, &is_provisional));
 *     keep(frame);
 *     if (!is_provisional)
 *         confirm_all_that_are_kept();   // this one and those before it are right
 *
 * An error in place of a frame says that the provisional ones since the last that was not are not to be relied on. Always 0
 * with "whole_scenes", for files, and for streams before version 1.3. NCODEC_ERROR_WRONG_ORDER when no frame was received.
 * Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_decoder_is_provisional(struct ncodec_decoder *decoder,
                                      int32_t *is_provisional);

/**
 * Opens a .nvc file, or an .mkv, .mp4 or .webm that this library wrote, in place of ncodec_decoder_send_data and
 * ncodec_decoder_finish: ncodec_decoder_receive_frame then reads by itself, from the first frame or from where
 * ncodec_decoder_seek says, and never gives NCODEC_AGAIN.
 *
 *     check(ncodec_decoder_create(&decoder));
 *     check(ncodec_decoder_open_file(decoder, "clip.nvc"));
 *     check(ncodec_decoder_frame_count(decoder, &frames));
 *     check(ncodec_decoder_seek(decoder, frames / 2));
 *     while ((status = ncodec_decoder_receive_frame(decoder, &timestamp)) == NCODEC_OK)
 *         check(ncodec_decoder_copy_frame(decoder, planes, strides));
 *     check(status);                     // NCODEC_END
 *
 * The stream has to be whole: what has lost its end is NCODEC_ERROR_TRUNCATED here, and still decodes through
 * ncodec_decoder_send_data. Audio packets come that way too, not from here. Ownership: the path is copied. Threads: one at
 * a time.
 */
int32_t ncodec_decoder_open_file(struct ncodec_decoder *decoder,
                                 const char *file);

/**
 * Gives the number of frames of the file that ncodec_decoder_open_file opened.
 *
 * Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_decoder_frame_count(struct ncodec_decoder *decoder, uint64_t *frames);

/**
 * Makes this frame of the file that ncodec_decoder_open_file opened the next one that ncodec_decoder_receive_frame gives;
 * their number itself is the end. Costs the decoding of the frames before it in its scene, at the next receive.
 *
 * Also possible after NCODEC_END and after an error, whose scene it leaves. Ownership: nothing is kept. Threads: one at a
 * time.
 */
int32_t ncodec_decoder_seek(struct ncodec_decoder *decoder,
                            uint64_t frame);

/**
 * Fills info with what holds for every frame of the stream. NCODEC_AGAIN until the stream's head was decoded, which
 * it is once a frame was received.
 *
 * Fill info by ncodec_video_info_init first. Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_decoder_video_info(struct ncodec_decoder *decoder,
                                  struct ncodec_video_info *info);

/**
 * Copies the frame that was received last into your planes; may be called more than once for a frame.
 *
 * planes points to 3 planes, each to the place of its top left sample; ncodec_plane_size says how large each must
 * be. strides points to the 3 distances in bytes from a row to the one below, negative where rows are to go bottom up
 * in memory. Nothing is written between rows. NCODEC_ERROR_WRONG_ORDER when no frame was received.
 * Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_decoder_copy_frame(struct ncodec_decoder *decoder,
                                  void *const *planes,
                                  const ptrdiff_t *strides);

/**
 * Describes the audio track of this number, from 0. NCODEC_END: there is no such track. NCODEC_AGAIN: as
 * ncodec_decoder_video_info.
 *
 * Fill track by ncodec_audio_track_init first. Ownership: what its pointers point to is the library's, valid until
 * the close. Threads: one at a time.
 */
int32_t ncodec_decoder_audio_track(struct ncodec_decoder *decoder,
                                   uint32_t number,
                                   struct ncodec_audio_track *track);

/**
 * Gives the next compressed audio packet that was met so far. NCODEC_AGAIN: receive frames first, up to NCODEC_END,
 * after which NCODEC_AGAIN means that there is no more. Of packets that are not received the last 16 MiB are kept. Of an opened
 * file there are none here: always NCODEC_AGAIN.
 *
 * Ownership: *data is the library's, valid until the next call of this function. Threads: one at a time.
 */
int32_t ncodec_decoder_receive_audio(struct ncodec_decoder *decoder,
                                     uint32_t *track,
                                     int64_t *timestamp,
                                     uint32_t *duration,
                                     const uint8_t **data,
                                     size_t *size);

/**
 * The message of the last call on this decoder that failed; empty when none did, and for a NULL decoder that of
 * ncodec_last_error.
 *
 * Ownership: the library's, valid until the next call on this decoder. Threads: one at a time.
 */
const char *ncodec_decoder_error(const struct ncodec_decoder *decoder);

/**
 * Where the last failure was: byte offset in the stream, scene and frame, each -1 where unknown.
 *
 * Ownership: nothing is kept. Threads: one at a time.
 */
int32_t ncodec_decoder_error_place(const struct ncodec_decoder *decoder,
                                   int64_t *offset,
                                   int64_t *scene,
                                   int64_t *frame);

/**
 * Ends a decoder and sets *decoder to NULL. NULL for either is fine.
 *
 * Ownership: takes the decoder and all that it gave. Threads: one at a time.
 */
int32_t ncodec_decoder_close(struct ncodec_decoder **decoder);

/**
 * Encodes a media file into an .mkv, .mp4 or .webm that any player plays, or a .nvc stream, by the output's ending; it
 * appears whole or not at all. What is lost on the way is in the report's lost.
 *
 * keys and values each point to count texts, settings as for ncodec_encoder_set; both may be NULL when count is 0.
 * progress and user_data may be NULL; a callback that returns non-zero cancels. On success *report is the account of
 * the encode as JSON, on failure NULL; report may be NULL. Messages are at ncodec_last_error.
 * Ownership: *report is yours; free it by ncodec_string_free. Threads: any; calls do not disturb one another.
 */
int32_t ncodec_encode_file(const char *input,
                           const char *output,
                           const char *const *keys,
                           const char *const *values,
                           size_t count,
                           ncodec_progress_callback progress,
                           void *user_data,
                           char **report);

/**
 * Decodes a .nvc file, or an .mkv, .mp4 or .webm that ncodec_encode_file wrote, into a media file without loss, which
 * appears whole or not at all; its name decides its kind.
 *
 * keys and values are settings as for ncodec_decoder_set; everything else is as for ncodec_encode_file.
 */
int32_t ncodec_decode_file(const char *input,
                           const char *output,
                           const char *const *keys,
                           const char *const *values,
                           size_t count,
                           ncodec_progress_callback progress,
                           void *user_data,
                           char **report);

/**
 * Describes a .nvc file, or an .mkv, .mp4 or .webm that ncodec_encode_file wrote, without decoding its pictures: size,
 * rate, scenes, bytes.
 *
 * Messages are at ncodec_last_error. Ownership: *summary is JSON and yours; free it by ncodec_string_free; NULL on
 * failure. Threads: any.
 */
int32_t ncodec_inspect_file(const char *input,
                            char **summary);

/**
 * Measures a clip against a reference, frame by frame: PSNR, SSIM and MS-SSIM as docs/GLOSSARY.md defines them. Both
 * may be .nvc files or media files; clips of different size or length are NCODEC_ERROR_INVALID_ARGUMENT.
 *
 * Messages are at ncodec_last_error. Ownership: *metrics is JSON and yours; free it by ncodec_string_free; NULL on
 * failure. Threads: any.
 */
int32_t ncodec_compare_files(const char *reference,
                             const char *clip,
                             char **metrics);

/**
 * Measures a clip against a reference as ncodec_compare_files does, by the metrics that are named, with commas between them:
 * psnr, ssim, ms_ssim, ssimulacra2, vmaf, xpsnr. PSNR is measured in any case. VMAF needs libvmaf, which is loaded at run time:
 * NCODEC_ERROR_MISSING_LIBRARY and the remedy where it is not to be had.
 *
 * Messages are at ncodec_last_error. Ownership: *metrics is JSON and yours; free it by ncodec_string_free; NULL on
 * failure. Threads: any.
 */
int32_t ncodec_compare_files_by(const char *reference,
                                const char *clip,
                                const char *names,
                                char **metrics);

/**
 * Finds the scenes of a media file, as an encode cuts it, no longer than max_scene_seconds (0.5 to 60; 0 for the default
 * of 10): *scenes is JSON, [[start, end], ...] in frames, end exclusive.
 *
 * Messages are at ncodec_last_error. Ownership: *scenes is yours; free it by ncodec_string_free; NULL on failure. Threads:
 * any.
 */
int32_t ncodec_detect_scenes_file(const char *input,
                                  double max_scene_seconds,
                                  char **scenes);

/**
 * Writes the AV1 base layer of a stream in any container, as it is and with the audio, into an .mp4, .mkv or .webm file that any
 * player plays; it appears whole or not at all. The pictures are those of the base layer alone, at its coded size.
 *
 * *report is JSON: frames, base_bytes, width, height, bit_depth, lost; report may be NULL. Messages are at ncodec_last_error.
 * Ownership: *report is yours; free it by ncodec_string_free; NULL on failure. Threads: any.
 */
int32_t ncodec_export_base_file(const char *input,
                                const char *output,
                                char **report);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NEURAL_CODEC_H */
