/*
 * Calls made in every wrong way, without encoding anything: NULLs, wrong order, bad settings, bytes that are no
 * stream, and a panic on purpose. Runs under valgrind too.
 *
 *     abuse
 */
#include <neural_codec.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"

/* Not in the header: only builds with debug assertions have it. */
extern int32_t ncodec_debug_panic(ncodec_decoder *decoder);

#define INVALID NCODEC_ERROR_INVALID_ARGUMENT
#define ORDER NCODEC_ERROR_WRONG_ORDER

static int mentions(const char *message, const char *part) { return strstr(message, part) != NULL; }

static void statuses_have_names(void) {
    for (int32_t status = -14; status <= 2; status++)
        CHECK(strcmp(ncodec_status_name(status), "unknown status") != 0);
    CHECK(strcmp(ncodec_status_name(INT32_MIN), "unknown status") == 0);
    CHECK(strcmp(ncodec_status_name(12345), "unknown status") == 0);
    CHECK(ncodec_abi_version() == NCODEC_ABI_VERSION);
    CHECK(strlen(ncodec_version()) >= 5);
}

static void nulls_are_errors_that_name_the_argument(void) {
    ncodec_encoder *encoder = NULL;
    ncodec_decoder *decoder = NULL;
    ncodec_video_info info;
    ncodec_audio_track track;
    const uint8_t *data;
    char *text;
    size_t size;
    int64_t n;
    int32_t is_provisional;
    uint32_t u;
    uint64_t frames;

    EXPECT(INVALID, ncodec_encoder_create(NULL));
    CHECK(mentions(ncodec_last_error(), "encoder") && mentions(ncodec_last_error(), "NULL"));
    EXPECT(INVALID, ncodec_decoder_create(NULL));
    EXPECT(INVALID, ncodec_video_info_init(NULL, sizeof info));
    EXPECT(INVALID, ncodec_audio_track_init(NULL, sizeof track));
    EXPECT(NCODEC_OK, ncodec_video_info_init(&info, sizeof info));
    EXPECT(NCODEC_OK, ncodec_audio_track_init(&track, sizeof track));
    EXPECT(INVALID, ncodec_plane_size(NULL, 0, &size, &size));
    EXPECT(INVALID, ncodec_plane_size(&info, 0, NULL, &size));
    EXPECT(INVALID, ncodec_plane_size(&info, 0, &size, NULL));

    /* A NULL handle. */
    EXPECT(INVALID, ncodec_encoder_set(NULL, "effort", "1"));
    CHECK(mentions(ncodec_last_error(), "encoder"));
    EXPECT(INVALID, ncodec_encoder_set_progress(NULL, NULL, NULL));
    EXPECT(INVALID, ncodec_encoder_add_audio_track(NULL, &track));
    EXPECT(INVALID, ncodec_encoder_open(NULL, &info));
    EXPECT(INVALID, ncodec_encoder_send_frame(NULL, NULL, NULL, 0));
    EXPECT(INVALID, ncodec_encoder_send_audio(NULL, 0, 0, 0, NULL, 0));
    EXPECT(INVALID, ncodec_encoder_finish(NULL));
    EXPECT(INVALID, ncodec_encoder_receive(NULL, &data, &size));
    EXPECT(INVALID, ncodec_encoder_report(NULL, &text));
    EXPECT(INVALID, ncodec_encoder_cancel(NULL));
    EXPECT(INVALID, ncodec_encoder_error_place(NULL, &n, &n, &n));
    CHECK(mentions(ncodec_encoder_error(NULL), "encoder"));
    EXPECT(NCODEC_OK, ncodec_encoder_close(NULL));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
    EXPECT(INVALID, ncodec_decoder_set(NULL, "threads", "1"));
    EXPECT(INVALID, ncodec_decoder_send_data(NULL, (const uint8_t *)"x", 1));
    EXPECT(INVALID, ncodec_decoder_finish(NULL));
    EXPECT(INVALID, ncodec_decoder_open_file(NULL, "a.nvc"));
    EXPECT(INVALID, ncodec_decoder_seek(NULL, 0));
    EXPECT(INVALID, ncodec_decoder_frame_count(NULL, &frames));
    EXPECT(INVALID, ncodec_encoder_set_progress(NULL, NULL, NULL));
    EXPECT(INVALID, ncodec_encoder_set_logger(NULL, NULL, NULL));
    EXPECT(INVALID, ncodec_decoder_receive_frame(NULL, &n));
    EXPECT(INVALID, ncodec_decoder_is_provisional(NULL, &is_provisional));
    EXPECT(INVALID, ncodec_decoder_video_info(NULL, &info));
    EXPECT(INVALID, ncodec_decoder_copy_frame(NULL, NULL, NULL));
    EXPECT(INVALID, ncodec_decoder_audio_track(NULL, 0, &track));
    EXPECT(INVALID, ncodec_decoder_receive_audio(NULL, &u, &n, &u, &data, &size));
    EXPECT(INVALID, ncodec_decoder_error_place(NULL, &n, &n, &n));
    CHECK(mentions(ncodec_decoder_error(NULL), "decoder"));
    EXPECT(NCODEC_OK, ncodec_decoder_close(NULL));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
    ncodec_string_free(NULL);

    /* A NULL argument. */
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(INVALID, ncodec_encoder_set(encoder, NULL, "1"));
    CHECK(mentions(ncodec_encoder_error(encoder), "key"));
    EXPECT(INVALID, ncodec_encoder_set(encoder, "effort", NULL));
    CHECK(mentions(ncodec_encoder_error(encoder), "value"));
    EXPECT(INVALID, ncodec_encoder_add_audio_track(encoder, NULL));
    EXPECT(INVALID, ncodec_encoder_open(encoder, NULL));
    EXPECT(INVALID, ncodec_encoder_send_frame(encoder, NULL, NULL, 0));
    EXPECT(INVALID, ncodec_encoder_receive(encoder, NULL, &size));
    EXPECT(INVALID, ncodec_encoder_receive(encoder, &data, NULL));
    EXPECT(INVALID, ncodec_encoder_report(encoder, NULL));
    EXPECT(INVALID, ncodec_encoder_error_place(encoder, NULL, &n, &n));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
    CHECK(encoder == NULL);
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(INVALID, ncodec_decoder_set(decoder, NULL, "1"));
    EXPECT(INVALID, ncodec_decoder_send_data(decoder, NULL, 1));
    EXPECT(INVALID, ncodec_decoder_receive_frame(decoder, NULL));
    EXPECT(INVALID, ncodec_decoder_video_info(decoder, NULL));
    EXPECT(INVALID, ncodec_decoder_copy_frame(decoder, NULL, NULL));
    EXPECT(INVALID, ncodec_decoder_audio_track(decoder, 0, NULL));
    EXPECT(INVALID, ncodec_decoder_receive_audio(decoder, &u, &n, &u, NULL, &size));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));

    /* Files. */
    EXPECT(INVALID, ncodec_encode_file(NULL, "a", NULL, NULL, 0, NULL, NULL, NULL));
    CHECK(mentions(ncodec_last_error(), "input"));
    EXPECT(INVALID, ncodec_encode_file("a", NULL, NULL, NULL, 0, NULL, NULL, NULL));
    EXPECT(INVALID, ncodec_encode_file("a", "b", NULL, NULL, 1, NULL, NULL, NULL));
    EXPECT(INVALID, ncodec_decode_file("a", NULL, NULL, NULL, 0, NULL, NULL, NULL));
    EXPECT(INVALID, ncodec_inspect_file(NULL, &text));
    EXPECT(INVALID, ncodec_inspect_file("a", NULL));
    EXPECT(INVALID, ncodec_compare_files("a", NULL, &text));
    EXPECT(INVALID, ncodec_compare_files_by("a", "b", NULL, &text));
    EXPECT(INVALID, ncodec_compare_files_by("a", "b", "butteraugli", &text));
    CHECK(mentions(ncodec_last_error(), "ssimulacra2"));
}

static void structs_of_another_size_are_errors(void) {
    struct {
        ncodec_video_info info;
        uint32_t later;
    } grown;
    ncodec_video_info info;
    ncodec_encoder *encoder = NULL;
    size_t row_bytes = 0, rows = 0;
    memset(&info, 0, sizeof info);
    EXPECT(INVALID, ncodec_plane_size(&info, 0, &row_bytes, &rows)); /* never initialized */
    EXPECT(INVALID, ncodec_video_info_init(&info, 3));
    EXPECT(INVALID, ncodec_video_info_init(&info, 1 << 20));
    /* A program of a later version: fine until it uses what this version lacks. */
    EXPECT(NCODEC_OK, ncodec_video_info_init(&grown.info, sizeof grown));
    CHECK(grown.info.struct_size == sizeof grown && grown.later == 0);
    grown.info.width = 5;
    grown.info.height = 3;
    EXPECT(NCODEC_OK, ncodec_plane_size(&grown.info, 1, &row_bytes, &rows));
    CHECK(row_bytes == 3 && rows == 2);
    EXPECT(INVALID, ncodec_plane_size(&grown.info, 3, &row_bytes, &rows));
    grown.later = 1;
    EXPECT(NCODEC_ERROR_UNSUPPORTED_FEATURE, ncodec_plane_size(&grown.info, 1, &row_bytes, &rows));
    EXPECT(NCODEC_OK, ncodec_video_info_init(&info, sizeof info));
    info.width = 1 << 20;
    info.height = 4;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(NCODEC_ERROR_LIMIT_EXCEEDED, ncodec_encoder_open(encoder, &info));
    CHECK(mentions(ncodec_encoder_error(encoder), "width"));
    info.width = 4;
    info.layout = 9;
    EXPECT(INVALID, ncodec_encoder_open(encoder, &info));
    CHECK(mentions(ncodec_encoder_error(encoder), "layout"));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
}

static void wrong_settings_are_named(void) {
    static const char *const wrong[][3] = {{"quantizr", "30", "quantizr"}, {"quantizer", "71", "1 to 70"},
                                           {"effort", "ten", "ten"},        {"device", "tpu", "tpu"},
                                           {"effort", "\xff\xfe", "UTF-8"}};
    ncodec_encoder *encoder = NULL;
    ncodec_decoder *decoder = NULL;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    CHECK(ncodec_encoder_error(encoder)[0] == '\0');
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        EXPECT(INVALID, ncodec_encoder_set(encoder, wrong[i][0], wrong[i][1]));
        CHECK(mentions(ncodec_encoder_error(encoder), wrong[i][2]));
    }
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "quantizer", "30"));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(INVALID, ncodec_decoder_set(decoder, "max_widht", "30"));
    CHECK(mentions(ncodec_decoder_error(decoder), "max_widht"));
    EXPECT(INVALID, ncodec_decoder_set(decoder, "max_width", "wide"));
    EXPECT(INVALID, ncodec_decoder_set(decoder, "on_damage", "ignore"));
    EXPECT(INVALID, ncodec_decoder_set(decoder, "whole_scenes", "maybe"));
    EXPECT(NCODEC_OK, ncodec_decoder_set(decoder, "on_damage", "skip_scene"));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
}

static void calls_in_the_wrong_order_are_errors(void) {
    uint8_t samples[64] = {0};
    void *planes[3] = {samples, samples, samples};
    ptrdiff_t strides[3] = {8, 4, 4};
    ncodec_encoder *encoder = NULL;
    ncodec_decoder *decoder = NULL;
    ncodec_video_info info;
    ncodec_audio_track track;
    const uint8_t *data;
    size_t size;
    char *text = NULL;
    uint32_t u;
    int64_t n;
    ncodec_video_info_init(&info, sizeof info);
    ncodec_audio_track_init(&track, sizeof track);
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(ORDER, ncodec_encoder_send_frame(encoder, (const void *const *)planes, strides, 0));
    CHECK(mentions(ncodec_encoder_error(encoder), "ncodec_encoder_open"));
    EXPECT(ORDER, ncodec_encoder_send_audio(encoder, 0, 0, 0, samples, 1));
    EXPECT(ORDER, ncodec_encoder_receive(encoder, &data, &size));
    CHECK(data == NULL && size == 0);
    EXPECT(ORDER, ncodec_encoder_finish(encoder));
    EXPECT(ORDER, ncodec_encoder_report(encoder, &text));
    CHECK(ncodec_encoder_error_place(encoder, &n, &n, &n) == NCODEC_OK && n == -1);
    EXPECT(NCODEC_OK, ncodec_encoder_cancel(encoder));
    EXPECT(NCODEC_ERROR_CANCELLED, ncodec_encoder_receive(encoder, &data, &size));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder)); /* twice */

    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(NCODEC_AGAIN, ncodec_decoder_receive_frame(decoder, &n));
    EXPECT(ORDER, ncodec_decoder_copy_frame(decoder, planes, strides));
    EXPECT(NCODEC_AGAIN, ncodec_decoder_video_info(decoder, &info));
    EXPECT(NCODEC_AGAIN, ncodec_decoder_audio_track(decoder, 0, &track));
    EXPECT(NCODEC_AGAIN, ncodec_decoder_receive_audio(decoder, &u, &n, &u, &data, &size));
    EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, NULL, 0));
    EXPECT(ORDER, ncodec_decoder_set(decoder, "threads", "1"));
    EXPECT(NCODEC_OK, ncodec_decoder_finish(decoder));
    EXPECT(ORDER, ncodec_decoder_finish(decoder));
    EXPECT(ORDER, ncodec_decoder_send_data(decoder, samples, 1));
    EXPECT(NCODEC_ERROR_TRUNCATED, ncodec_decoder_receive_frame(decoder, &n)); /* an empty stream */
    EXPECT(NCODEC_END, ncodec_decoder_receive_frame(decoder, &n));
    EXPECT(NCODEC_END, ncodec_decoder_receive_frame(decoder, &n));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
}

static void bytes_that_are_no_stream_are_errors(void) {
    ncodec_decoder *decoder = NULL;
    uint32_t seed = 1;
    int64_t n, offset = -2, scene = -2, frame = -2;
    for (int kind = 0; kind < 4; kind++) {
        uint8_t data[4096];
        for (size_t i = 0; i < sizeof data; i++) {
            seed = seed * 1664525u + 1013904223u;
            data[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)(seed >> 24);
        }
        EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
        EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, data, sizeof data));
        EXPECT(NCODEC_ERROR_CORRUPT, ncodec_decoder_receive_frame(decoder, &n));
        EXPECT(NCODEC_OK, ncodec_decoder_error_place(decoder, &offset, &scene, &frame));
        CHECK(offset == 0 && scene == -1 && frame == -1);
        CHECK(ncodec_decoder_error(decoder)[0] != '\0');
        EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder)); /* in the middle of the stream */
    }
}

static void files_that_are_not_there_are_errors(void) {
    char *text = (char *)&text;
    EXPECT(NCODEC_ERROR_IO, ncodec_inspect_file("/no/such/file.nvc", &text));
    CHECK(text == NULL && mentions(ncodec_last_error(), "/no/such/file.nvc"));
    EXPECT(NCODEC_ERROR_IO, ncodec_inspect_file("/no/such/\xff.nvc", &text)); /* paths are any bytes */
    EXPECT(NCODEC_ERROR_IO, ncodec_decode_file("/no/such", "b.y4m", NULL, NULL, 0, NULL, NULL, &text));
    EXPECT(NCODEC_ERROR_IO, ncodec_compare_files("/no/such", "/nor/this", &text));
    const char *const keys[] = {"effort", "quantizr"}, *const values[] = {"1", "2"};
    EXPECT(INVALID, ncodec_encode_file("/no/such", "b", keys, values, 2, NULL, NULL, &text));
    CHECK(text == NULL && mentions(ncodec_last_error(), "quantizr"));
}

static void a_panic_poisons_the_handle(void) {
    ncodec_decoder *decoder = NULL;
    int64_t n;
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(NCODEC_ERROR_INTERNAL, ncodec_debug_panic(decoder));
    CHECK(mentions(ncodec_decoder_error(decoder), "on purpose"));
    EXPECT(NCODEC_ERROR_POISONED, ncodec_decoder_set(decoder, "threads", "1"));
    EXPECT(NCODEC_ERROR_POISONED, ncodec_decoder_send_data(decoder, (const uint8_t *)"x", 1));
    EXPECT(NCODEC_ERROR_POISONED, ncodec_decoder_receive_frame(decoder, &n));
    CHECK(mentions(ncodec_decoder_error(decoder), "on purpose"));
    EXPECT(NCODEC_OK, ncodec_decoder_error_place(decoder, &n, &n, &n));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
    CHECK(decoder == NULL);
}

int main(void) {
    statuses_have_names();
    nulls_are_errors_that_name_the_argument();
    structs_of_another_size_are_errors();
    wrong_settings_are_named();
    calls_in_the_wrong_order_are_errors();
    bytes_that_are_no_stream_are_errors();
    files_that_are_not_there_are_errors();
    a_panic_poisons_the_handle();
    printf("  abuse: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
