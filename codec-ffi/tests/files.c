/*
 * The one-shot calls on real files: what is encoded is described, decoded and measured.
 *
 *     files source.y4m frames folder
 */
#include <neural_codec.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"

static int32_t count(const ncodec_progress *progress, void *user_data) {
    CHECK(progress->struct_size >= sizeof *progress);
    ++*(int *)user_data;
    return 0;
}

static int32_t refuse(const ncodec_progress *progress, void *user_data) {
    (void)progress;
    (void)user_data;
    return 1;
}

static int there(const char *path) {
    FILE *file = fopen(path, "rb");
    return file != NULL && fclose(file) == 0;
}

/* The number that follows a key in JSON, -1 where it has none. */
static double number(const char *json, const char *key) {
    const char *at = json == NULL ? NULL : strstr(json, key);
    at = at == NULL ? NULL : strchr(at, ':');
    return at == NULL || strncmp(at, ": null", 6) == 0 ? -1 : strtod(at + 1, NULL);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    const char *source = argv[1];
    double frames = atoi(argv[2]);
    char stream[512], decoded[512], refused[512], undecoded[512];
    const char *const keys[] = {"quantizer", "effort"}, *const values[] = {"25", "0"};
    const char *const decoder_keys[] = {"threads"}, *const decoder_values[] = {"1"};
    char *json = NULL;
    int calls = 0;
    snprintf(stream, sizeof stream, "%s/files.nvc", argv[3]);
    snprintf(decoded, sizeof decoded, "%s/files.y4m", argv[3]);
    snprintf(refused, sizeof refused, "%s/refused.nvc", argv[3]);
    snprintf(undecoded, sizeof undecoded, "%s/refused.y4m", argv[3]);

    EXPECT(NCODEC_OK, ncodec_encode_file(source, stream, keys, values, 2, count, &calls, &json));
    CHECK(calls > 0 && json != NULL && strstr(json, "neural-codec/report/1") != NULL);
    const char *total = json == NULL ? NULL : strstr(json, "\"total\"");
    CHECK(number(total, "\"frames\"") == frames);
    double psnr = number(total, "\"psnr_y\"");
    ncodec_string_free(json);
    EXPECT(NCODEC_OK, ncodec_inspect_file(stream, &json));
    CHECK(number(json, "\"frames\"") == frames);
    ncodec_string_free(json);
    calls = 0;
    EXPECT(NCODEC_OK, ncodec_decode_file(stream, decoded, decoder_keys, decoder_values, 1, count, &calls, &json));
    CHECK(calls > 0 && number(json, "\"frames\"") == frames);
    ncodec_string_free(json);

    /* The stream and the file decoded from it hold the same frames, of the quality that the encode reported. */
    EXPECT(NCODEC_OK, ncodec_compare_files(stream, decoded, &json));
    CHECK(number(json, "\"lossless_frames\"") == frames);
    ncodec_string_free(json);
    EXPECT(NCODEC_OK, ncodec_compare_files(source, stream, &json));
    double measured = number(json, "\"psnr_y\"");
    CHECK(psnr > 25 && psnr - measured < 1e-6 && measured - psnr < 1e-6);
    ncodec_string_free(json);
    EXPECT(NCODEC_OK, ncodec_compare_files_by(source, stream, "xpsnr,ssimulacra2", &json));
    CHECK(number(json, "\"xpsnr_y\"") > 20 && number(json, "\"ssimulacra2\"") < 100);
    CHECK(strstr(json, "\"ssim_y\":null") != NULL || strstr(json, "\"ssim_y\": null") != NULL);
    ncodec_string_free(json);

    /* Scenes may be given. */
    const char *const scene_keys[] = {"quantizer", "effort", "scenes"};
    const char *scene_values[] = {"25", "0", "0-5,5-14"};
    snprintf(decoded, sizeof decoded, "%s/scenes.nvc", argv[3]);
    EXPECT(NCODEC_OK, ncodec_encode_file(source, decoded, scene_keys, scene_values, 3, NULL, NULL, &json));
    total = json == NULL ? NULL : strstr(json, "\"total\"");
    CHECK(number(total, "\"scenes\"") == 2);
    ncodec_string_free(json);
    scene_values[2] = "0-5";
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encode_file(source, decoded, scene_keys, scene_values, 3, NULL, NULL, NULL));
    CHECK(strstr(ncodec_last_error(), "scenes") != NULL);

    /* A file is not written over the one it is made from. */
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encode_file(source, source, keys, values, 2, NULL, NULL, NULL));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_decode_file(stream, stream, NULL, NULL, 0, NULL, NULL, NULL));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_export_base_file(stream, stream, NULL));
    CHECK(strstr(ncodec_last_error(), "another file") != NULL);

    /* Cancelled work leaves no file. */
    EXPECT(NCODEC_ERROR_CANCELLED, ncodec_encode_file(source, refused, keys, values, 2, refuse, NULL, &json));
    CHECK(json == NULL && !there(refused));
    EXPECT(NCODEC_ERROR_CANCELLED, ncodec_decode_file(stream, undecoded, NULL, NULL, 0, refuse, NULL, NULL));
    CHECK(!there(undecoded));
    EXPECT(NCODEC_ERROR_CORRUPT, ncodec_inspect_file(source, &json)); /* Y4M is no stream */
    printf("  files: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
