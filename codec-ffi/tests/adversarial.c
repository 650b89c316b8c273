/*
 * Every call with adversarial arguments, in any order: it answers with a status that has a name, a failure has a message, and
 * the handle afterwards works or says that it does not. The same seed makes the same calls.
 *
 *     adversarial calls seed folder stream.nvc
 */
#include <neural_codec.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static uint64_t state;

static uint32_t any(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static const char *any_text(void) {
    static char filler[5000];
    static const char *const texts[] = {NULL, "", "0", "-1", "1e999", "nan", "quantizer", "effort", "threads", "max_pixels",
                                        "on_damage", "skip_scene", "18446744073709551616", "\xff\xfe", "%s%n", "cache_dir",
                                        "/dev/null/file", ".", "device", "cuda:9", "strategies", "hybrid", "a\nb", "scenes", "0-1", "1-0"};
    if (any(24) == 0) {
        memset(filler, 'x', sizeof filler - 1);
        return filler;
    }
    return texts[any(sizeof texts / sizeof *texts)];
}

static int64_t any_number(void) {
    static const int64_t numbers[] = {0, 1, -1, 2, 63, 64, 65, 255, 16384, 16385, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    return numbers[any(sizeof numbers / sizeof *numbers)];
}

static ptrdiff_t any_stride(void) {
    static const ptrdiff_t strides[] = {0, 1, -1, 64, -64, 63, 128, PTRDIFF_MAX, PTRDIFF_MIN};
    return strides[any(sizeof strides / sizeof *strides)];
}

/* Small enough to be coded in no time, or not to be taken at all. */
static ncodec_video_info any_info(void) {
    ncodec_video_info info;
    ncodec_video_info_init(&info, sizeof info);
    info.width = info.height = 64;
    switch (any(8)) {
    case 0: info.width = (uint32_t)any_number() | 0x10000; break;
    case 1: info.height = 0; break;
    case 2: info.bit_depth = (int32_t)any_number(); break;
    case 3: info.layout = (int32_t)any_number(); break;
    case 4: info.struct_size = any(2) ? any(sizeof info) : 0x7fffffff; break;
    case 5: memset(&info, (int)any(256), sizeof info); break;
    default: break;
    }
    return info;
}

/* A status has a name; an error has a message. */
static void answered(const char *call, int32_t status, const char *message) {
    checks++;
    if (strcmp(ncodec_status_name(status), "unknown status") == 0 || status > NCODEC_END || (status < 0 && *message == '\0')) {
        failures++;
        printf("  failed: %s gave %d with \"%s\"\n", call, (int)status, message);
    }
}

static void try_encoder(int calls) {
    static uint8_t samples[4 * 64 * 64];
    ncodec_encoder *encoder = NULL;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "effort", "0"));
    for (int i = 0; i < calls; i++) {
        ncodec_encoder *used = any(10) == 0 ? NULL : encoder;
        ncodec_video_info info = any_info();
        ncodec_audio_track track;
        const void *planes[3];
        ptrdiff_t strides[3] = {64, 32, 32};
        const uint8_t *data = samples;
        size_t size = 0;
        char *text = NULL;
        int64_t place = 0;
        int32_t status;
        const char *call;
        ncodec_audio_track_init(&track, sizeof track);
        for (int p = 0; p < 3; p++) planes[p] = any(9) == 0 ? NULL : samples;
        /* Strides that would lead out of the samples are the caller's to avoid; those that cannot be are the library's. */
        if (any(3) == 0) {
            ptrdiff_t stride = any_stride();
            if (stride >= 0 && stride <= 128) strides[any(3)] = stride;
        }
#define TRY(f, ...) call = #f, status = f(__VA_ARGS__)
        switch (any(13)) {
        case 0: case 1: TRY(ncodec_encoder_set, used, any_text(), any_text()); break;
        case 2: TRY(ncodec_encoder_open, used, any(6) == 0 ? NULL : &info); break;
        case 3: case 4: TRY(ncodec_encoder_send_frame, used, any(8) == 0 ? NULL : planes, any(8) == 0 ? NULL : strides, any_number()); break;
        case 5: TRY(ncodec_encoder_send_audio, used, (uint32_t)any_number(), any_number(), (uint32_t)any_number(), any(4) == 0 ? NULL : samples, any(2)); break;
        case 6: track.codec = any_text(); track.language = any_text(); track.sample_rate = (uint32_t)any_number();
                TRY(ncodec_encoder_add_audio_track, used, any(5) == 0 ? NULL : &track); break;
        case 7: TRY(ncodec_encoder_receive, used, any(6) == 0 ? NULL : &data, any(6) == 0 ? NULL : &size); break;
        case 8: TRY(ncodec_encoder_report, used, any(4) == 0 ? NULL : &text); ncodec_string_free(text); break;
        case 9: TRY(ncodec_encoder_set_progress, used, NULL, samples); break;
        case 10: TRY(ncodec_encoder_set_logger, used, NULL, samples); break;
        case 11: TRY(ncodec_encoder_error_place, used, any(4) == 0 ? NULL : &place, &place, &place); break;
        default:
            if (any(4) == 0) TRY(ncodec_encoder_finish, used);
            else TRY(ncodec_encoder_set, used, "effort", "0");
        }
        answered(call, status, status == NCODEC_ERROR_INVALID_ARGUMENT && strcmp(call, "ncodec_encoder_error_place") == 0
                                   ? ncodec_last_error() : ncodec_encoder_error(used));
    }
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
}

static void try_decoder(int calls, const uint8_t *stream, size_t stream_size) {
    static uint8_t samples[3][256 * 256];
    ncodec_decoder *decoder = NULL;
    size_t sent = 0;
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    for (int i = 0; i < calls; i++) {
        ncodec_decoder *used = any(10) == 0 ? NULL : decoder;
        ncodec_video_info info;
        ncodec_audio_track track;
        void *planes[3] = {samples[0], samples[1], samples[2]};
        ptrdiff_t strides[3] = {256, 256, 256};
        const uint8_t *data;
        size_t size = any(200);
        uint32_t number;
        uint64_t frames;
        int64_t n = 0;
        int32_t status, is_provisional;
        const char *call;
        ncodec_video_info_init(&info, sizeof info);
        ncodec_audio_track_init(&track, sizeof track);
        if (any(8) == 0) planes[any(3)] = NULL;
        if (any(8) == 0) strides[any(3)] = any(2) ? 0 : 1;
        switch (any(14)) {
        case 0: TRY(ncodec_decoder_set, used, any_text(), any_text()); break;
        case 1: case 2: case 3:
            if (size > stream_size - sent) size = stream_size - sent;
            if (any(12) == 0) TRY(ncodec_decoder_send_data, used, NULL, size);
            else TRY(ncodec_decoder_send_data, used, stream + sent, size);
            if (status == NCODEC_OK && any(30) != 0) sent += size; /* now and then the same bytes twice */
            break;
        case 4: case 5: TRY(ncodec_decoder_receive_frame, used, any(8) == 0 ? NULL : &n); break;
        case 6: TRY(ncodec_decoder_copy_frame, used, any(6) == 0 ? NULL : planes, any(6) == 0 ? NULL : strides); break;
        case 7: TRY(ncodec_decoder_video_info, used, any(6) == 0 ? NULL : &info); break;
        case 8: TRY(ncodec_decoder_audio_track, used, (uint32_t)any_number(), any(6) == 0 ? NULL : &track); break;
        case 9: TRY(ncodec_decoder_receive_audio, used, &number, &n, any(8) == 0 ? NULL : &number, &data, &size); break;
        case 10: TRY(ncodec_decoder_seek, used, (uint64_t)any_number()); break;
        case 11: TRY(ncodec_decoder_frame_count, used, any(4) == 0 ? NULL : &frames); break;
        case 12: TRY(ncodec_decoder_is_provisional, used, any(4) == 0 ? NULL : &is_provisional); break;
        default:
            if (any(6) == 0) TRY(ncodec_decoder_open_file, used, any_text());
            else if (any(6) == 0) TRY(ncodec_decoder_finish, used);
            else TRY(ncodec_decoder_set, used, "threads", "1");
        }
        answered(call, status, ncodec_decoder_error(used));
    }
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
}

static void try_files(const char *folder) {
    char *text = NULL;
    char output[600];
    const char *keys[2] = {any_text(), any_text()}, *values[2] = {any_text(), any_text()};
    int32_t status;
    const char *call;
    uint64_t count = any(4) == 0 ? UINT64_MAX : any(3);
    snprintf(output, sizeof output, "%s/adversarial.nvc", folder);
    switch (any(8)) {
    case 0: TRY(ncodec_encode_file, any_text(), output, keys, values, (size_t)count, NULL, NULL, &text); break;
    case 1: TRY(ncodec_decode_file, any_text(), output, NULL, values, (size_t)count, NULL, NULL, &text); break;
    case 2: TRY(ncodec_inspect_file, any_text(), &text); break;
    case 3: TRY(ncodec_compare_files, any_text(), any_text(), &text); break;
    case 6: TRY(ncodec_compare_files_by, any_text(), any_text(), any_text(), &text); break;
    case 4: TRY(ncodec_detect_scenes_file, any_text(), (double)any_number(), &text); break;
    case 5: TRY(ncodec_export_base_file, any_text(), any_text(), &text); break;
    default: {
        ncodec_video_info info = any_info();
        size_t row_bytes, rows;
        TRY(ncodec_plane_size, any(4) == 0 ? NULL : &info, (int32_t)any_number(), any(4) == 0 ? NULL : &row_bytes, &rows);
    }
    }
    answered(call, status, ncodec_last_error());
    CHECK(status >= 0 || text == NULL);
    ncodec_string_free(text);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    static uint8_t stream[1 << 18];
    int calls = atoi(argv[1]);
    FILE *file = fopen(argv[4], "rb");
    size_t size = file == NULL ? 0 : fread(stream, 1, sizeof stream, file);
    if (file != NULL) fclose(file);
    state = strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u;
    if (chdir(argv[3]) != 0) return 2; /* "a\nb" may become a file */
    for (int made = 0; made < calls; made += 60) {
        try_encoder(30);
        try_decoder(25, stream, size);
        for (int i = 0; i < 5; i++) try_files(argv[3]);
    }
    printf("  adversarial: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
