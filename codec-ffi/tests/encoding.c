/*
 * The encoder's calls on real encodes: properties of what comes out, calls out of place, cancelling.
 *
 *     encoding
 */
#include <neural_codec.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

enum { WIDTH = 70, HEIGHT = 50, FRAMES = 8 };

struct stream {
    uint8_t *data;
    size_t size;
};

static void append(struct stream *stream, const uint8_t *data, size_t size) {
    stream->data = realloc(stream->data, stream->size + size);
    memcpy(stream->data + stream->size, data, size);
    stream->size += size;
}

/* An open encoder of small pictures. */
static ncodec_encoder *open_encoder(int bit_depth, int layout) {
    ncodec_encoder *encoder = NULL;
    ncodec_video_info info;
    EXPECT(NCODEC_OK, ncodec_video_info_init(&info, sizeof info));
    info.width = WIDTH;
    info.height = HEIGHT;
    info.bit_depth = bit_depth;
    info.layout = layout;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "quantizer", "40"));
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "effort", "0"));
    EXPECT(NCODEC_OK, ncodec_encoder_open(encoder, &info));
    return encoder;
}

/* Sends a picture whose rows lie top down or bottom up; up to 10 bits, any layout. */
static int32_t send(ncodec_encoder *encoder, int bottom_up, int64_t t, uint16_t extra) {
    static uint16_t memory[3][WIDTH * HEIGHT];
    const ptrdiff_t stride = WIDTH * 2;
    const void *planes[3];
    ptrdiff_t strides[3];
    for (int plane = 0; plane < 3; plane++) {
        for (int y = 0; y < HEIGHT; y++) {
            int row = bottom_up ? HEIGHT - 1 - y : y;
            for (int x = 0; x < WIDTH; x++) {
                /* Both bytes hold the same: good for 8 and, below 4, for 10 bits. */
                uint16_t value = (uint16_t)((x + y + t + plane) % 3);
                memory[plane][row * WIDTH + x] = (uint16_t)(value * 257 + extra);
            }
        }
        planes[plane] = bottom_up ? &memory[plane][(HEIGHT - 1) * WIDTH] : &memory[plane][0];
        strides[plane] = bottom_up ? -stride : stride;
    }
    return ncodec_encoder_send_frame(encoder, planes, strides, t);
}

static struct stream encode(int bit_depth, int layout, int bottom_up) {
    ncodec_encoder *encoder = open_encoder(bit_depth, layout);
    struct stream stream = {NULL, 0};
    const uint8_t *data;
    size_t size;
    int32_t status;
    char *report = NULL;
    for (int t = 0; t < FRAMES; t++) {
        EXPECT(NCODEC_OK, send(encoder, bottom_up, t, 0));
        while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK)
            append(&stream, data, size);
        EXPECT(NCODEC_AGAIN, status);
    }
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_report(encoder, &report));
    EXPECT(NCODEC_OK, ncodec_encoder_finish(encoder));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_finish(encoder));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, send(encoder, 0, FRAMES, 0));
    while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK) append(&stream, data, size);
    EXPECT(NCODEC_END, status);
    EXPECT(NCODEC_END, ncodec_encoder_receive(encoder, &data, &size));
    EXPECT(NCODEC_OK, ncodec_encoder_report(encoder, &report));
    CHECK(report != NULL && strstr(report, "neural-codec/report/1") != NULL);
    ncodec_string_free(report);
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
    return stream;
}

static void the_direction_of_rows_changes_nothing(void) {
    static const int cases[][2] = {{8, NCODEC_LAYOUT_YUV420}, {10, NCODEC_LAYOUT_YUV420}, {8, NCODEC_LAYOUT_RGB}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream down = encode(cases[i][0], cases[i][1], 0), up = encode(cases[i][0], cases[i][1], 1);
        CHECK(down.size > 0 && down.size == up.size && memcmp(down.data, up.data, down.size) == 0);
        free(down.data);
        free(up.data);
    }
}

static void wrong_calls_leave_an_open_encoder_usable(void) {
    ncodec_encoder *encoder = open_encoder(10, NCODEC_LAYOUT_YUV420);
    ncodec_video_info info;
    ncodec_audio_track track;
    uint8_t byte = 0;
    const void *planes[3] = {&byte, &byte, NULL};
    ptrdiff_t strides[3] = {1, 1, 1};
    ncodec_video_info_init(&info, sizeof info);
    ncodec_audio_track_init(&track, sizeof track);
    track.codec = "aac";
    track.sample_rate = 48000;
    track.channels = 2;
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_set(encoder, "effort", "1"));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_add_audio_track(encoder, &track));
    info.width = info.height = 16;
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_open(encoder, &info));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encoder_finish(encoder)); /* no frames */
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encoder_send_frame(encoder, planes, strides, 0));
    CHECK(strstr(ncodec_encoder_error(encoder), "stride of plane 0") != NULL);
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, send(encoder, 0, 0, 1024));
    CHECK(strstr(ncodec_encoder_error(encoder), "1023") != NULL);
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encoder_send_audio(encoder, 0, 0, 0, &byte, 1));
    EXPECT(NCODEC_OK, send(encoder, 0, 0, 0));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder)); /* in the middle of a clip */
}

static void audio_travels_unchanged(void) {
    static const uint8_t packet[] = {1, 2, 3, 0, 255};
    ncodec_encoder *encoder = NULL;
    ncodec_decoder *decoder = NULL;
    ncodec_video_info info;
    ncodec_audio_track track;
    struct stream stream = {NULL, 0};
    const uint8_t *data;
    size_t size;
    int32_t status;
    uint32_t number, duration;
    int64_t timestamp;
    ncodec_video_info_init(&info, sizeof info);
    info.width = WIDTH;
    info.height = HEIGHT;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "quantizer", "40"));
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "effort", "0"));
    EXPECT(NCODEC_OK, ncodec_audio_track_init(&track, sizeof track));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encoder_add_audio_track(encoder, &track)); /* no codec */
    track.codec = "aac";
    track.language = "isl";
    track.sample_rate = 48000;
    track.channels = 2;
    track.extradata = packet;
    track.extradata_size = 2;
    EXPECT(NCODEC_OK, ncodec_encoder_add_audio_track(encoder, &track));
    EXPECT(NCODEC_OK, ncodec_encoder_open(encoder, &info));
    EXPECT(NCODEC_OK, ncodec_encoder_send_audio(encoder, 0, -20, 21, packet, sizeof packet));
    for (int t = 0; t < 2; t++) EXPECT(NCODEC_OK, send(encoder, 0, t, 0));
    EXPECT(NCODEC_OK, ncodec_encoder_finish(encoder));
    while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK) append(&stream, data, size);
    EXPECT(NCODEC_END, status);
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));

    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, stream.data, stream.size));
    EXPECT(NCODEC_OK, ncodec_decoder_finish(decoder));
    for (int t = 0; t < 2; t++) {
        EXPECT(NCODEC_OK, ncodec_decoder_receive_frame(decoder, &timestamp));
        CHECK(timestamp == t);
    }
    EXPECT(NCODEC_END, ncodec_decoder_receive_frame(decoder, &timestamp));
    EXPECT(NCODEC_OK, ncodec_decoder_audio_track(decoder, 0, &track));
    CHECK(strcmp(track.codec, "aac") == 0 && strcmp(track.language, "isl") == 0);
    CHECK(track.sample_rate == 48000 && track.extradata_size == 2 && track.extradata[1] == 2);
    EXPECT(NCODEC_END, ncodec_decoder_audio_track(decoder, 1, &track));
    EXPECT(NCODEC_OK, ncodec_decoder_receive_audio(decoder, &number, &timestamp, &duration, &data, &size));
    CHECK(number == 0 && timestamp == -20 && duration == 21);
    CHECK(size == sizeof packet && memcmp(data, packet, size) == 0);
    EXPECT(NCODEC_AGAIN, ncodec_decoder_receive_audio(decoder, &number, &timestamp, &duration, &data, &size));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
    free(stream.data);
}

/* Calls back into its own encoder, then cancels at the third call. */
struct caller {
    ncodec_encoder *encoder;
    int calls;
};

static int32_t cancel_at_third(const ncodec_progress *progress, void *user_data) {
    struct caller *caller = user_data;
    ncodec_encoder *encoder = caller->encoder;
    CHECK(progress->struct_size >= sizeof *progress);
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_finish(encoder));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_close(&encoder));
    return ++caller->calls == 3;
}

static void a_progress_callback_cancels(void) {
    struct caller caller = {open_encoder(8, NCODEC_LAYOUT_YUV420), 0};
    const uint8_t *data;
    size_t size;
    EXPECT(NCODEC_OK, ncodec_encoder_set_progress(caller.encoder, cancel_at_third, &caller));
    EXPECT(NCODEC_OK, send(caller.encoder, 0, 0, 0));
    EXPECT(NCODEC_OK, send(caller.encoder, 0, 1, 0));
    EXPECT(NCODEC_ERROR_CANCELLED, send(caller.encoder, 0, 2, 0));
    EXPECT(NCODEC_ERROR_CANCELLED, send(caller.encoder, 0, 3, 0));
    EXPECT(NCODEC_ERROR_CANCELLED, ncodec_encoder_receive(caller.encoder, &data, &size));
    CHECK(caller.calls == 3);
    EXPECT(NCODEC_OK, ncodec_encoder_close(&caller.encoder));
}

static void *cancel_soon(void *encoder) {
    struct timespec soon = {0, 50 * 1000 * 1000};
    nanosleep(&soon, NULL);
    EXPECT(NCODEC_OK, ncodec_encoder_cancel(encoder));
    return NULL;
}

static void another_thread_cancels(void) {
    ncodec_encoder *encoder = open_encoder(8, NCODEC_LAYOUT_YUV420);
    pthread_t thread;
    int32_t status = NCODEC_OK;
    CHECK(pthread_create(&thread, NULL, cancel_soon, encoder) == 0);
    for (int t = 0; status == NCODEC_OK && t < 1000000; t++) status = send(encoder, 0, t, 0);
    EXPECT(NCODEC_ERROR_CANCELLED, status);
    pthread_join(thread, NULL);
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
}

struct told {
    int infos, warnings, sums;
};

static void count_messages(int32_t level, const char *message, void *user_data) {
    struct told *told = user_data;
    told->infos += level == NCODEC_LOG_INFO;
    told->warnings += level == NCODEC_LOG_WARNING;
    told->sums += strstr(message, "2 frames in 2 scenes") != NULL;
}

static void a_logger_is_told_the_end_once(void) {
    struct told told = {0, 0, 0};
    ncodec_encoder *encoder = NULL;
    ncodec_video_info info;
    const uint8_t *data;
    size_t size;
    ncodec_video_info_init(&info, sizeof info);
    info.width = WIDTH;
    info.height = HEIGHT;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "effort", "0"));
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "min_psnr_y", "80")); /* out of reach */
    EXPECT(NCODEC_OK, ncodec_encoder_set(encoder, "scenes", "0-1,1-2"));
    EXPECT(NCODEC_ERROR_INVALID_ARGUMENT, ncodec_encoder_set(encoder, "scenes", "0-1,"));
    CHECK(strstr(ncodec_encoder_error(encoder), "START-END") != NULL);
    EXPECT(NCODEC_OK, ncodec_encoder_set_logger(encoder, count_messages, &told));
    EXPECT(NCODEC_OK, ncodec_encoder_open(encoder, &info));
    for (int t = 0; t < 2; t++) EXPECT(NCODEC_OK, send(encoder, 0, t, 0));
    EXPECT(NCODEC_OK, ncodec_encoder_finish(encoder));
    CHECK(told.infos + told.warnings == 0);
    while (ncodec_encoder_receive(encoder, &data, &size) == NCODEC_OK) {
    }
    EXPECT(NCODEC_END, ncodec_encoder_receive(encoder, &data, &size));
    CHECK(told.sums == 1 && told.warnings == 1);
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
}

int main(void) {
    the_direction_of_rows_changes_nothing();
    wrong_calls_leave_an_open_encoder_usable();
    audio_travels_unchanged();
    a_progress_callback_cancels();
    another_thread_cancels();
    a_logger_is_told_the_end_once();
    printf("  encoding: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
