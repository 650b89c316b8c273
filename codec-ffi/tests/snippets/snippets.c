/*
 * Runs the C of docs/C.md as it stands there; run.sh cuts it out into the files included here.
 *
 *     snippets         makes clip.nvc in its folder
 */
#include <neural_codec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 1280, HEIGHT = 720, FRAMES = 3 };

static void check(int32_t status) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", ncodec_status_name(status), ncodec_last_error());
        exit(1);
    }
}

/* What a reader of the manual has of his own: frames, and places for bytes. */
static uint8_t luma[WIDTH * HEIGHT], chroma[WIDTH * HEIGHT / 4], shown[3][WIDTH * HEIGHT];
static uint8_t stream[1 << 20];
static size_t stream_size, stream_read;

static int next_frame(const void **planes, ptrdiff_t *strides, int64_t *timestamp) {
    static int64_t sent;
    memset(luma, 40 * (int)sent, sizeof luma);
    planes[0] = luma;
    planes[1] = planes[2] = chroma;
    strides[0] = WIDTH;
    strides[1] = strides[2] = WIDTH / 2;
    *timestamp = sent;
    return sent++ < FRAMES;
}

static void keep(const uint8_t *data, size_t size) {
    if (stream_size + size > sizeof stream) exit(1);
    memcpy(stream + stream_size, data, size);
    stream_size += size;
}

static size_t give(uint8_t *data, size_t size) {
    if (size > stream_size - stream_read) size = stream_size - stream_read;
    memcpy(data, stream + stream_read, size);
    stream_read += size;
    return size;
}

#define write keep
#define read give

static void encode(void) {
    ncodec_encoder *encoder = NULL;
    ncodec_video_info info;
    const void *planes[3];
    ptrdiff_t strides[3];
    const uint8_t *data;
    size_t size;
    int64_t timestamp;
    int32_t status;
    char *json;
#include "C_1.inc"
}

static int decode(void) {
    ncodec_decoder *decoder = NULL;
    ncodec_video_info info;
    void *planes[3] = {shown[0], shown[1], shown[2]};
    ptrdiff_t strides[3] = {WIDTH, WIDTH, WIDTH};
    uint8_t data[512];
    size_t size;
    int64_t timestamp = 0;
    int32_t status;
#include "C_2.inc"
    return timestamp == FRAMES - 1;
}

static int seek(void) {
    ncodec_decoder *decoder = NULL;
    void *planes[3] = {shown[0], shown[1], shown[2]};
    ptrdiff_t strides[3] = {WIDTH, WIDTH, WIDTH};
    uint64_t frames;
    int64_t timestamp;
    int32_t status;
#include "C_3.inc"
    return frames > 0;
}

static int stored(const char *name) {
    FILE *file = fopen(name, "wb");
    if (!file) return 0;
    size_t written = fwrite(stream, 1, stream_size, file);
    return fclose(file) == 0 && written == stream_size;
}

int main(void) {
    encode();
    if (!stored("clip.nvc")) return 4;
    if (!decode()) return 2;
    return seek() ? 0 : 3;
}
