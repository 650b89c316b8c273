/*
 * A real stream, whole and damaged: pieces of any size, cut anywhere, any byte flipped. Every frame that comes out and is
 * confirmed must be the frame that belongs there, and damage must be an error. Runs under valgrind too.
 *
 *     damage stream.nvc frames [every how many bytes to cut and flip]
 */
#include <neural_codec.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MAX_FRAMES = 256 };

/* What a decode gave: a hash of each frame that was confirmed, and the first error or NCODEC_END. */
struct result {
    uint64_t hashes[MAX_FRAMES];
    int64_t timestamps[MAX_FRAMES];
    int frames;
    int32_t status;
};

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

/* Copies the frame, top down or bottom up, and hashes its rows from top to bottom. */
static uint64_t hash_frame(ncodec_decoder *decoder, const ncodec_video_info *info, int bottom_up) {
    uint64_t hash = 14695981039346656037u;
    uint8_t *memory[3];
    void *planes[3];
    ptrdiff_t strides[3];
    size_t row_bytes[3], rows[3];
    for (int plane = 0; plane < 3; plane++) {
        EXPECT(NCODEC_OK, ncodec_plane_size(info, plane, &row_bytes[plane], &rows[plane]));
        size_t padded = row_bytes[plane] + 5;
        memory[plane] = malloc(padded * rows[plane]);
        memset(memory[plane], 0xee, padded * rows[plane]);
        strides[plane] = bottom_up ? -(ptrdiff_t)padded : (ptrdiff_t)padded;
        planes[plane] = bottom_up ? memory[plane] + padded * (rows[plane] - 1) : memory[plane];
    }
    EXPECT(NCODEC_OK, ncodec_decoder_copy_frame(decoder, planes, strides));
    for (int plane = 0; plane < 3; plane++) {
        int padding_untouched = 1;
        for (size_t y = 0; y < rows[plane]; y++) {
            const uint8_t *row = (const uint8_t *)planes[plane] + strides[plane] * (ptrdiff_t)y;
            hash = hash_bytes(hash, row, row_bytes[plane]);
            for (int i = 0; i < 5; i++) padding_untouched &= row[row_bytes[plane] + (size_t)i] == 0xee;
        }
        CHECK(padding_untouched);
        free(memory[plane]);
    }
    return hash;
}

static void decode(const uint8_t *data, size_t size, size_t piece, int bottom_up, const char *on_damage,
                   struct result *result) {
    ncodec_decoder *decoder = NULL;
    ncodec_video_info info;
    int64_t timestamp;
    int32_t status, is_provisional;
    int confirmed = 0;
    memset(result, 0, sizeof *result);
    ncodec_video_info_init(&info, sizeof info);
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(NCODEC_OK, ncodec_decoder_set(decoder, "threads", "1"));
    EXPECT(NCODEC_OK, ncodec_decoder_set(decoder, "on_damage", on_damage));
    while ((status = ncodec_decoder_receive_frame(decoder, &timestamp)) != NCODEC_END) {
        if (status == NCODEC_AGAIN && size > 0) {
            size_t now = size < piece ? size : piece;
            EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, data, now));
            data += now;
            size -= now;
        } else if (status == NCODEC_AGAIN) {
            EXPECT(NCODEC_OK, ncodec_decoder_finish(decoder));
        } else if (status == NCODEC_OK && result->frames < MAX_FRAMES) {
            EXPECT(NCODEC_OK, ncodec_decoder_video_info(decoder, &info));
            result->timestamps[result->frames] = timestamp;
            result->hashes[result->frames++] = hash_frame(decoder, &info, bottom_up);
            EXPECT(NCODEC_OK, ncodec_decoder_is_provisional(decoder, &is_provisional));
            if (!is_provisional) confirmed = result->frames;
        } else {
            result->frames = confirmed; /* what was provisional is not to be relied on */
            if (result->status == 0) result->status = status;
            if (strcmp(on_damage, "stop") == 0) break;
        }
    }
    if (result->status == 0) result->status = status;
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
}

/* Whether the frames are the first of the whole stream's. */
static int is_start_of(const struct result *part, const struct result *whole) {
    if (part->frames > whole->frames) return 0;
    for (int i = 0; i < part->frames; i++)
        if (part->hashes[i] != whole->hashes[i] || part->timestamps[i] != whole->timestamps[i]) return 0;
    return 1;
}

static void pieces_and_direction_change_nothing(const uint8_t *data, size_t size, const struct result *whole) {
    static const size_t pieces[] = {1, 7, 1000, 1 << 20};
    struct result result;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        decode(data, size, pieces[i], i % 2 == 0, "stop", &result);
        CHECK(result.status == NCODEC_END && result.frames == whole->frames && is_start_of(&result, whole));
    }
}

static void a_cut_stream_is_an_error(const uint8_t *data, size_t size, size_t step, const struct result *whole) {
    struct result result;
    for (size_t cut = 0; cut < size; cut += step) {
        decode(data, cut, size, 0, "stop", &result);
        CHECK(result.status < 0 && is_start_of(&result, whole));
    }
}

static void a_flipped_byte_is_an_error_or_changes_nothing(uint8_t *data, size_t size, size_t step,
                                                          const struct result *whole) {
    struct result result;
    for (size_t at = 0; at < size; at += step) {
        data[at] ^= 0xff;
        decode(data, size, size, 0, "stop", &result);
        CHECK(is_start_of(&result, whole));
        CHECK(result.status < 0 || (result.status == NCODEC_END && result.frames == whole->frames));
        decode(data, size, size, 0, "skip_scene", &result); /* comes to an end */
        CHECK(result.frames <= whole->frames);
        data[at] ^= 0xff;
    }
}

/* Frames come before their scene is there, the last one confirmed; or with it, all of them confirmed. */
static void frames_come_early_or_with_their_scene(const uint8_t *data, size_t size, const struct result *whole) {
    size_t first[2] = {0, 0};
    for (int waits = 0; waits < 2; waits++) {
        ncodec_decoder *decoder = NULL;
        int64_t n;
        size_t sent = 0;
        int32_t status, is_provisional = 7;
        int frames = 0, provisional = 0;
        EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
        EXPECT(NCODEC_OK, ncodec_decoder_set(decoder, "whole_scenes", waits ? "true" : "false"));
        EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_is_provisional(decoder, &is_provisional));
        while ((status = ncodec_decoder_receive_frame(decoder, &n)) != NCODEC_END) {
            if (status == NCODEC_AGAIN && sent < size) {
                EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, data + sent++, 1));
            } else if (status == NCODEC_AGAIN) {
                EXPECT(NCODEC_OK, ncodec_decoder_finish(decoder));
            } else {
                EXPECT(NCODEC_OK, status);
                EXPECT(NCODEC_OK, ncodec_decoder_is_provisional(decoder, &is_provisional));
                EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_is_provisional(decoder, NULL));
                if (frames++ == 0) first[waits] = sent;
                provisional += is_provisional;
                if (status < 0) break;
            }
        }
        CHECK(frames == whole->frames && is_provisional == 0);
        CHECK(waits ? provisional == 0 : provisional > 0);
        EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
    }
    CHECK(0 < first[0] && first[0] < first[1]);
}

static void limits_are_kept(const uint8_t *data, size_t size) {
    static const char *const limits[] = {"max_width", "max_height", "max_pixels", "max_scene_frames"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        ncodec_decoder *decoder = NULL;
        int64_t n;
        EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
        EXPECT(NCODEC_OK, ncodec_decoder_set(decoder, limits[i], "1"));
        EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, data, size));
        EXPECT(NCODEC_ERROR_LIMIT_EXCEEDED, ncodec_decoder_receive_frame(decoder, &n));
        EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
    }
}

static void wrong_planes_are_errors(const uint8_t *data, size_t size) {
    ncodec_decoder *decoder = NULL;
    uint8_t byte = 0;
    void *planes[3] = {&byte, NULL, &byte};
    ptrdiff_t strides[3] = {1, 1, 1};
    int64_t n;
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, data, size));
    EXPECT(NCODEC_OK, ncodec_decoder_receive_frame(decoder, &n));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_copy_frame(decoder, planes, strides));
    CHECK(strstr(ncodec_decoder_error(decoder), "stride of plane 0") != NULL);
    strides[0] = PTRDIFF_MIN;
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_copy_frame(decoder, planes, strides));
    planes[0] = NULL;
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_copy_frame(decoder, planes, strides));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_copy_frame(decoder, planes, NULL));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder)); /* frames still waiting */
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL) return 2;
    static uint8_t data[1 << 20];
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    size_t step = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    struct result whole;
    decode(data, size, size, 0, "stop", &whole);
    EXPECT(NCODEC_END, whole.status);
    CHECK(whole.frames == atoi(argv[2]));
    pieces_and_direction_change_nothing(data, size, &whole);
    a_cut_stream_is_an_error(data, size, step, &whole);
    a_flipped_byte_is_an_error_or_changes_nothing(data, size, step, &whole);
    frames_come_early_or_with_their_scene(data, size, &whole);
    limits_are_kept(data, size);
    wrong_planes_are_errors(data, size);
    printf("  damage: %zu bytes, every %zu-th cut and flipped, %d checks, %d failed\n", size, step, checks,
           failures);
    return failures != 0;
}
