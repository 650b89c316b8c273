/*
 * Frames of a file in any order are its frames in order; its base layer and its scenes as files and JSON.
 *
 *     seeking stream.nvc frames source.y4m folder
 */
#include <neural_codec.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MOST = 64, SIDE = 256 };

static uint8_t samples[3][SIDE * SIDE];

/* A number that tells pictures apart. */
static uint64_t hash_of(ncodec_decoder *decoder) {
    void *planes[3] = {samples[0], samples[1], samples[2]};
    ptrdiff_t strides[3] = {SIDE, SIDE, SIDE};
    uint64_t hash = 14695981039346656037u;
    memset(samples, 0, sizeof samples);
    EXPECT(NCODEC_OK, ncodec_decoder_copy_frame(decoder, planes, strides));
    for (size_t i = 0; i < sizeof samples; i++) hash = (hash ^ ((uint8_t *)samples)[i]) * 1099511628211u;
    return hash;
}

static void any_order_gives_the_same_frames(const char *path, uint64_t frames) {
    static const uint64_t order[] = {13, 0, 7, 7, 8, 2, 12, 1};
    uint64_t expected[MOST], count = 0;
    int64_t times[MOST], n = 0, offset, scene, frame;
    int32_t status;
    ncodec_video_info info;
    ncodec_decoder *decoder = NULL;
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_seek(decoder, 0));
    CHECK(strstr(ncodec_decoder_error(decoder), "ncodec_decoder_open_file") != NULL);
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_frame_count(decoder, &count));
    EXPECT(NCODEC_ERROR_IO, ncodec_decoder_open_file(decoder, "/no/such/file.nvc"));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_open_file(decoder, NULL));
    EXPECT(NCODEC_OK, ncodec_decoder_set(decoder, "threads", "1")); /* still possible: nothing was opened */
    EXPECT(NCODEC_OK, ncodec_decoder_open_file(decoder, path));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_open_file(decoder, path));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_send_data(decoder, samples[0], 1));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_finish(decoder));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_set(decoder, "threads", "2"));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_frame_count(decoder, NULL));
    EXPECT(NCODEC_OK, ncodec_decoder_frame_count(decoder, &count));
    CHECK(count == frames && count <= MOST);
    EXPECT(NCODEC_OK, ncodec_video_info_init(&info, sizeof info));
    EXPECT(NCODEC_OK, ncodec_decoder_video_info(decoder, &info));
    CHECK(info.width <= SIDE && info.height <= SIDE);

    count = 0;
    while ((status = ncodec_decoder_receive_frame(decoder, &n)) == NCODEC_OK && count < frames) {
        times[count] = n;
        expected[count++] = hash_of(decoder);
    }
    CHECK(status == NCODEC_END && count == frames && expected[0] != expected[1]);
    EXPECT(NCODEC_END, ncodec_decoder_receive_frame(decoder, &n));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (order[i] >= frames) continue;
        EXPECT(NCODEC_OK, ncodec_decoder_seek(decoder, order[i]));
        EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_copy_frame(decoder, (void *const[3]){0}, (ptrdiff_t[3]){0}));
        EXPECT(NCODEC_OK, ncodec_decoder_receive_frame(decoder, &n));
        CHECK(n == times[order[i]] && hash_of(decoder) == expected[order[i]]);
    }
    EXPECT(NCODEC_OK, ncodec_decoder_seek(decoder, frames));
    EXPECT(NCODEC_END, ncodec_decoder_receive_frame(decoder, &n));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_seek(decoder, frames + 1));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decoder_seek(decoder, UINT64_MAX));
    CHECK(strstr(ncodec_decoder_error(decoder), "frame") != NULL);
    EXPECT(NCODEC_OK, ncodec_decoder_error_place(decoder, &offset, &scene, &frame));
    EXPECT(NCODEC_OK, ncodec_decoder_seek(decoder, 1)); /* an error leaves it usable */
    EXPECT(NCODEC_OK, ncodec_decoder_receive_frame(decoder, &n));
    CHECK(hash_of(decoder) == expected[1]);
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
}

/* The stream with one byte of its middle changed: some scene is damaged, the others are not. */
static void damage_costs_one_scene(const char *path, const char *damaged, uint64_t frames) {
    FILE *from = fopen(path, "rb"), *to = fopen(damaged, "wb");
    static uint8_t data[1 << 20];
    size_t size = fread(data, 1, sizeof data, from);
    data[size / 2] ^= 0x20;
    CHECK(fwrite(data, 1, size, to) == size);
    fclose(from);
    fclose(to);
    for (int skip = 0; skip < 2; skip++) {
        ncodec_decoder *decoder = NULL;
        uint64_t received = 0, errors = 0;
        int64_t n, offset, scene = -1, frame;
        int32_t status;
        EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
        if (skip) EXPECT(NCODEC_OK, ncodec_decoder_set(decoder, "on_damage", "skip_scene"));
        EXPECT(NCODEC_OK, ncodec_decoder_open_file(decoder, damaged));
        while ((status = ncodec_decoder_receive_frame(decoder, &n)) != NCODEC_END && errors + received < 100) {
            if (status == NCODEC_OK) {
                received++;
            } else {
                errors++;
                EXPECT(NCODEC_OK, ncodec_decoder_error_place(decoder, &offset, &scene, &frame));
            }
        }
        CHECK(errors == 1 && scene >= 0 && received < frames && (skip ? received > 0 : 1));
        /* The first or the last frame lies in an intact scene, and can be gone to after the error. */
        EXPECT(NCODEC_OK, ncodec_decoder_seek(decoder, scene == 0 ? frames - 1 : 0));
        EXPECT(NCODEC_OK, ncodec_decoder_receive_frame(decoder, &n));
        EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
    }
}

static void a_file_is_cut_and_exported(const char *stream, const char *source, uint64_t frames, const char *exported) {
    char *json = NULL, end[32];
    snprintf(end, sizeof end, "%d]]", (int)frames);
    EXPECT(NCODEC_OK, ncodec_detect_scenes_file(source, 0, &json));
    CHECK(json != NULL && strncmp(json, "[[0,", 4) == 0 && strstr(json, end) != NULL);
    ncodec_string_free(json);
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_detect_scenes_file(source, -1, &json));
    CHECK(json == NULL && strstr(ncodec_last_error(), "max_scene_seconds") != NULL);
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_detect_scenes_file(NULL, 0, &json));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_detect_scenes_file(source, 0, NULL));
    EXPECT(NCODEC_ERROR_IO, ncodec_detect_scenes_file("/no/such/clip.y4m", 0, &json));

    EXPECT(NCODEC_OK, ncodec_export_base_file(stream, exported, &json));
    CHECK(json != NULL && strstr(json, "base_bytes") != NULL);
    ncodec_string_free(json);
    EXPECT(NCODEC_OK, ncodec_inspect_file(stream, &json));
    ncodec_string_free(json);
    /* Any reader of video files finds the frames in it. */
    EXPECT(NCODEC_OK, ncodec_detect_scenes_file(exported, 0, &json));
    CHECK(json != NULL && strstr(json, end) != NULL);
    ncodec_string_free(json);
    EXPECT(NCODEC_OK, ncodec_export_base_file(stream, exported, NULL));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_export_base_file(NULL, exported, NULL));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_export_base_file(stream, NULL, NULL));
    EXPECT(NCODEC_ERROR_UNSUPPORTED_FEATURE, ncodec_export_base_file(stream, "base.avi", NULL));
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    uint64_t frames = (uint64_t)atoi(argv[2]);
    char exported[512], damaged[512];
    snprintf(exported, sizeof exported, "%s/exported.mp4", argv[4]);
    snprintf(damaged, sizeof damaged, "%s/damaged.nvc", argv[4]);
    any_order_gives_the_same_frames(argv[1], frames);
    if (frames > 10) damage_costs_one_scene(argv[1], damaged, frames); /* which then is in more than one scene */
    a_file_is_cut_and_exported(argv[1], argv[3], frames, exported);
    printf("  seeking: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
