/*
 * Photos in one call: a picture file becomes .nvc and .avif, is described, measured and decoded.
 *
 *     photos folder
 */
#include <neural_codec.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { WIDTH = 90, HEIGHT = 71 };

/* A bitmap of 24 bits with a gradient and edges. */
static int write_bmp(const char *path) {
    enum { ROW = (WIDTH * 3 + 3) / 4 * 4, SIZE = 54 + ROW * HEIGHT };
    static unsigned char bytes[SIZE];
    const unsigned header[][2] = {{2, SIZE}, {10, 54}, {14, 40}, {18, WIDTH}, {22, HEIGHT}, {26, 1 | 24 << 16}};
    memcpy(bytes, "BM", 2);
    for (size_t i = 0; i < sizeof header / sizeof *header; i++)
        for (int at = 0; at < 4; at++) bytes[header[i][0] + at] = (unsigned char)(header[i][1] >> 8 * at);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH * 3; x++) bytes[54 + y * ROW + x] = (unsigned char)(x / 2 + y + (x / 27 + y / 9) % 2 * 40);
    FILE *file = fopen(path, "wb");
    if (file == NULL) return 0;
    size_t written = fwrite(bytes, 1, sizeof bytes, file);
    return fclose(file) == 0 && written == sizeof bytes;
}

/* The number that follows a key in JSON, -1 where it has none. */
static double number(const char *json, const char *key) {
    const char *at = json == NULL ? NULL : strstr(json, key);
    at = at == NULL ? NULL : strchr(at, ':');
    return at == NULL ? -1 : strtod(at + 1, NULL);
}

static long size_of(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    fclose(file);
    return size;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    char source[512], stored[512], decoded[512], avif[512], refused[512];
    const char *const keys[] = {"min_psnr", "effort"}, *const values[] = {"30", "0"};
    char *json = NULL;
    snprintf(source, sizeof source, "%s/photo.bmp", argv[1]);
    snprintf(stored, sizeof stored, "%s/photo.nvc", argv[1]);
    snprintf(decoded, sizeof decoded, "%s/photo.png", argv[1]);
    snprintf(avif, sizeof avif, "%s/photo.avif", argv[1]);
    snprintf(refused, sizeof refused, "%s/refused.nvc", argv[1]);
    CHECK(write_bmp(source));

    EXPECT(NCODEC_OK, ncodec_encode_file(source, stored, keys, values, 2, NULL, NULL, &json));
    const char *total = json == NULL ? NULL : strstr(json, "\"total\"");
    CHECK(number(total, "\"bytes\"") == size_of(stored));
    double psnr = number(total == NULL ? NULL : strstr(total, "\"pooled\""), "\"psnr_rgb\"");
    CHECK(psnr >= 30);
    CHECK(number(json, "\"bits_per_pixel\"") > 0);
    ncodec_string_free(json);

    EXPECT(NCODEC_OK, ncodec_inspect_file(stored, &json));
    CHECK(number(json, "\"width\"") == WIDTH && number(json, "\"height\"") == HEIGHT && number(json, "\"coded_bytes\"") > 0);
    ncodec_string_free(json);

    /* What it decodes to is what was measured. */
    EXPECT(NCODEC_OK, ncodec_decode_file(stored, decoded, NULL, NULL, 0, NULL, NULL, NULL));
    const char *const pairs[][2] = {{source, stored}, {source, decoded}};
    for (int i = 0; i < 2; i++) {
        EXPECT(NCODEC_OK, ncodec_compare_files(pairs[i][0], pairs[i][1], &json));
        double found = number(json, "\"psnr_rgb\"");
        CHECK(found - psnr < 1e-6 && psnr - found < 1e-6);
        ncodec_string_free(json);
    }

    EXPECT(NCODEC_OK, ncodec_encode_file(source, avif, keys, values, 2, NULL, NULL, NULL));
    CHECK(size_of(avif) > 0);

    /* A floor of clips is named, and leaves no file. */
    const char *const clip_keys[] = {"min_vmaf"}, *const clip_values[] = {"90"};
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encode_file(source, refused, clip_keys, clip_values, 1, NULL, NULL, NULL));
    CHECK(strstr(ncodec_last_error(), "min_vmaf") != NULL && size_of(refused) < 0);
    printf("  photos: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
