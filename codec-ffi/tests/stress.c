/*
 * Handles in many threads do not disturb one another: all encode the same frames to the same bytes, while others are
 * cancelled, and decode nonsense.
 *
 *     stress threads rounds
 */
#include "tiny.h"

#include <pthread.h>
#include <time.h>

#include "check.h"

enum { FRAMES = 4 };

static struct tiny expected;
static int rounds;

struct worker {
    pthread_t thread;
    int number, wrong;
};

/* A handle that a second thread cancels while the first one is at work. */
static void *cancel_soon(void *encoder) {
    nanosleep(&(struct timespec){0, 3000000}, NULL);
    return (void *)(intptr_t)ncodec_encoder_cancel(encoder);
}

static int cancelled_encode_is_wrong(void) {
    static const uint8_t gray[TINY_SIDE * TINY_SIDE] = {0};
    const void *planes[3] = {gray, gray, gray};
    const ptrdiff_t strides[3] = {TINY_SIDE, TINY_SIDE, TINY_SIDE};
    ncodec_encoder *encoder = NULL;
    ncodec_video_info info;
    pthread_t thread;
    void *cancelled;
    int32_t status = NCODEC_OK;
    ncodec_video_info_init(&info, sizeof info);
    info.width = info.height = TINY_SIDE;
    if (ncodec_encoder_create(&encoder) != NCODEC_OK || ncodec_encoder_open(encoder, &info) != NCODEC_OK) return 1;
    if (pthread_create(&thread, NULL, cancel_soon, encoder) != 0) return 1;
    for (int t = 0; t < 100000 && status == NCODEC_OK; t++)
        status = ncodec_encoder_send_frame(encoder, planes, strides, t);
    pthread_join(thread, &cancelled);
    ncodec_encoder_close(&encoder);
    return status != NCODEC_ERROR_CANCELLED || (intptr_t)cancelled != NCODEC_OK;
}

static void *work(void *argument) {
    struct worker *worker = argument;
    struct tiny stream;
    for (int round = 0; round < rounds; round++) {
        switch ((worker->number + round) % 3) {
        case 0:
            worker->wrong += tiny_encode(&stream, FRAMES) != NCODEC_END || stream.size != expected.size ||
                             memcmp(stream.data, expected.data, stream.size) != 0 || tiny_decode(&stream) != FRAMES;
            break;
        case 1:
            stream = expected;
            stream.data[(size_t)(worker->number * 131 + round * 17) % stream.size] ^= 0x55;
            /* An error of this thread alone, or frames that the hashes vouch for. */
            worker->wrong += tiny_decode(&stream) > FRAMES;
            char *text = NULL;
            worker->wrong += ncodec_inspect_file("/no/such/file", &text) != NCODEC_ERROR_IO;
            worker->wrong += strstr(ncodec_last_error(), "/no/such/file") == NULL;
            break;
        default:
            worker->wrong += cancelled_encode_is_wrong();
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int count = atoi(argv[1]);
    rounds = atoi(argv[2]);
    struct worker *workers = calloc((size_t)count, sizeof *workers);
    EXPECT(NCODEC_END, tiny_encode(&expected, FRAMES));
    EXPECT(FRAMES, tiny_decode(&expected));
    for (int i = 0; i < count; i++) {
        workers[i].number = i;
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        CHECK(workers[i].wrong == 0);
    }
    free(workers);
    printf("  stress: %d threads, %d rounds, %d failed\n", count, rounds, failures);
    return failures != 0;
}
