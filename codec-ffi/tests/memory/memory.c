/*
 * Every large allocation may fail: the call says so, and the process lives on. Frames are large enough for their planes to be
 * large allocations.
 *
 *     memory FOLDER [STEP]
 *
 * STEP: each allocation that fails is so many after the last one (default 1).
 */
#include <neural_codec.h>

#include "../check.h"
#include "fails_once.h"

#include <string.h>

enum { WIDTH = 640, HEIGHT = 368, FRAMES = 3, CAPACITY = 1 << 20 };

static uint8_t stream[CAPACITY], luma[WIDTH * HEIGHT], chroma[WIDTH * HEIGHT / 4];
static size_t stream_size;
static char path[1024];

static int32_t encode(const char *name, const char *value) {
    const void *planes[3] = {luma, chroma, chroma};
    const ptrdiff_t strides[3] = {WIDTH, WIDTH / 2, WIDTH / 2};
    ncodec_encoder *encoder = NULL;
    ncodec_video_info info;
    const uint8_t *data;
    size_t size;
    int32_t status = ncodec_video_info_init(&info, sizeof info);
    info.width = WIDTH;
    info.height = HEIGHT;
    stream_size = 0;
    if (status >= 0) status = ncodec_encoder_create(&encoder);
    if (status >= 0) status = ncodec_encoder_set(encoder, name, value);
    if (status >= 0) status = ncodec_encoder_set(encoder, "effort", "0");
    if (status >= 0) status = ncodec_encoder_set(encoder, "threads", "1");
    if (status >= 0) status = ncodec_encoder_open(encoder, &info);
    for (int t = 0; t < FRAMES && status >= 0; t++) {
        for (int i = 0; i < WIDTH * HEIGHT; i++) luma[i] = (uint8_t)(2 * (i % WIDTH + t) + i / WIDTH);
        status = ncodec_encoder_send_frame(encoder, planes, strides, t);
    }
    if (status >= 0) status = ncodec_encoder_finish(encoder);
    while (status >= 0 && (status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK) {
        if (stream_size + size > CAPACITY) abort();
        memcpy(stream + stream_size, data, size);
        stream_size += size;
    }
    if (encoder != NULL) ncodec_encoder_close(&encoder);
    return status;
}

static int32_t encode_at_a_quantizer(void) { return encode("quantizer", "50"); }
static int32_t encode_for_a_floor(void) { return encode("min_psnr_y", "32"); }

static int32_t receive_all(ncodec_decoder *decoder, int32_t status) {
    static uint8_t planes_of_a_frame[3][WIDTH * HEIGHT];
    void *planes[3] = {planes_of_a_frame[0], planes_of_a_frame[1], planes_of_a_frame[2]};
    const ptrdiff_t strides[3] = {WIDTH, WIDTH / 2, WIDTH / 2};
    int64_t timestamp;
    while (status >= 0 && (status = ncodec_decoder_receive_frame(decoder, &timestamp)) == NCODEC_OK) {
        status = ncodec_decoder_copy_frame(decoder, planes, strides);
    }
    return status;
}

static int32_t decode(void) {
    ncodec_decoder *decoder = NULL;
    int32_t status = ncodec_decoder_create(&decoder);
    if (status >= 0) status = ncodec_decoder_set(decoder, "threads", "1");
    if (status >= 0) status = ncodec_decoder_send_data(decoder, stream, stream_size);
    if (status >= 0) status = ncodec_decoder_finish(decoder);
    status = receive_all(decoder, status);
    if (decoder != NULL) ncodec_decoder_close(&decoder);
    return status;
}

static int32_t seek(void) {
    ncodec_decoder *decoder = NULL;
    int32_t status = ncodec_decoder_create(&decoder);
    if (status >= 0) status = ncodec_decoder_set(decoder, "threads", "1");
    if (status >= 0) status = ncodec_decoder_open_file(decoder, path);
    if (status >= 0) status = ncodec_decoder_seek(decoder, 1);
    status = receive_all(decoder, status);
    if (decoder != NULL) ncodec_decoder_close(&decoder);
    return status;
}

/* Does the work with the n-th large allocation failing, for every n until none fails. */
static void survives(const char *what, int32_t (*work)(void), long step) {
    long n = 0;
    for (;; n += step) {
        fail_after(n);
        int32_t status = work();
        if (!failed()) {
            if (status < 0) printf("  failed: %s without a failed allocation: %s\n", what, ncodec_last_error());
            CHECK(status >= 0);
            break;
        }
        /* What a call can do without may be missing; what it cannot is a status of its own. */
        if (status < 0 && status != NCODEC_ERROR_OUT_OF_MEMORY) {
            printf("  failed: %s, allocation %ld: %s: %s\n", what, n, ncodec_status_name(status), ncodec_last_error());
        }
        CHECK(status >= 0 || status == NCODEC_ERROR_OUT_OF_MEMORY);
    }
    printf("  %s: %ld large allocations\n", what, n);
}

int main(int argc, char **argv) {
    FILE *file;
    long step = argc > 2 ? atol(argv[2]) : 1;
    if (argc < 2 || step < 1) return 2;
    memset(chroma, 128, sizeof chroma);
    survives("encode", encode_at_a_quantizer, step);
    survives("encode_for_a_floor", encode_for_a_floor, step);
    CHECK(encode_at_a_quantizer() == NCODEC_END);
    snprintf(path, sizeof path, "%s/memory.nvc", argv[1]);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(stream, 1, stream_size, file) == stream_size && fclose(file) == 0);
    survives("decode", decode, step);
    survives("seek", seek, step);
    printf("  memory: %d checks, %d failures\n", checks, failures);
    return failures > 0;
}
