/* A whole encode and a whole decode of a few small frames, for tests that need many of them. */
#ifndef TINY_H
#define TINY_H

#include <neural_codec.h>

#include <stdlib.h>
#include <string.h>

enum { TINY_SIDE = 64, TINY_CAPACITY = 1 << 16 };

struct tiny {
    uint8_t data[TINY_CAPACITY];
    size_t size;
};

/* Encodes so many frames of a moving ramp; the first status that is an error, else NCODEC_END. */
static int32_t tiny_encode(struct tiny *stream, int frames) {
    uint8_t luma[TINY_SIDE * TINY_SIDE], chroma[TINY_SIDE * TINY_SIDE / 4];
    const void *planes[3] = {luma, chroma, chroma};
    const ptrdiff_t strides[3] = {TINY_SIDE, TINY_SIDE / 2, TINY_SIDE / 2};
    ncodec_encoder *encoder = NULL;
    ncodec_video_info info;
    const uint8_t *data;
    size_t size;
    int32_t status;
    stream->size = 0;
    ncodec_video_info_init(&info, sizeof info);
    info.width = info.height = TINY_SIDE;
    if ((status = ncodec_encoder_create(&encoder)) < 0) return status;
    ncodec_encoder_set(encoder, "quantizer", "50");
    ncodec_encoder_set(encoder, "effort", "0");
    ncodec_encoder_set(encoder, "threads", "1");
    status = ncodec_encoder_open(encoder, &info);
    memset(chroma, 128, sizeof chroma);
    for (int t = 0; t < frames && status >= 0; t++) {
        for (int i = 0; i < TINY_SIDE * TINY_SIDE; i++) luma[i] = (uint8_t)(2 * (i % TINY_SIDE + t) + i / TINY_SIDE);
        status = ncodec_encoder_send_frame(encoder, planes, strides, t);
    }
    if (status >= 0) status = ncodec_encoder_finish(encoder);
    while (status >= 0 && (status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK) {
        if (stream->size + size > TINY_CAPACITY) abort();
        memcpy(stream->data + stream->size, data, size);
        stream->size += size;
    }
    ncodec_encoder_close(&encoder);
    return status;
}

/* Decodes a stream; the number of frames, or the first status that is an error. */
static int32_t tiny_decode(const struct tiny *stream) {
    ncodec_decoder *decoder = NULL;
    int64_t timestamp;
    int32_t frames = 0, status;
    if ((status = ncodec_decoder_create(&decoder)) < 0) return status;
    ncodec_decoder_set(decoder, "threads", "1");
    status = ncodec_decoder_send_data(decoder, stream->data, stream->size);
    if (status >= 0) status = ncodec_decoder_finish(decoder);
    while (status >= 0 && (status = ncodec_decoder_receive_frame(decoder, &timestamp)) == NCODEC_OK) frames++;
    ncodec_decoder_close(&decoder);
    return status < 0 ? status : frames;
}

#endif
