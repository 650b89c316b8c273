/*
 * The host lives on: low memory is a status, and a child of fork is told what it is.
 *
 *     host black-8k.nvc
 */
#include "tiny.h"

#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DECODED = 10, NO_MEMORY = 11, OTHER = 12, MEBIBYTE = 1 << 20, FORKS = 40 };

/* Address space in use, in bytes. */
static rlim_t in_use(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld", &pages) != 1) abort();
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Decodes a file with so much more memory, as the exit status of a child. */
static int decode_within(const char *path, int mebibytes) {
    struct rlimit limit;
    int64_t timestamp;
    int32_t status;
    ncodec_decoder *decoder = NULL;
    if (ncodec_decoder_create(&decoder) != NCODEC_OK) return OTHER;
    ncodec_decoder_set(decoder, "threads", "1");
    limit.rlim_cur = limit.rlim_max = in_use() + (rlim_t)mebibytes * MEBIBYTE;
    if (setrlimit(RLIMIT_AS, &limit) != 0) return OTHER;
    status = ncodec_decoder_open_file(decoder, path);
    while (status == NCODEC_OK) status = ncodec_decoder_receive_frame(decoder, &timestamp);
    /* Where not even dav1d can be loaded, that is what is told. */
    if (status != NCODEC_END && status != NCODEC_ERROR_OUT_OF_MEMORY && status != NCODEC_ERROR_MISSING_LIBRARY) {
        printf("  failed: %d MiB: %s\n", mebibytes, ncodec_decoder_error(decoder));
        fflush(stdout);
        return OTHER;
    }
    ncodec_decoder_close(&decoder);
    return status == NCODEC_END ? DECODED : NO_MEMORY;
}

static int wait_for(pid_t child) {
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void low_memory(const char *path) {
    int refused = 0, decoded = 0;
    for (int mebibytes = 0; mebibytes < 2000 && decoded < 3; mebibytes += 50) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) _exit(decode_within(path, mebibytes));
        int found = wait_for(child);
        CHECK(found == DECODED || found == NO_MEMORY);
        refused += found == NO_MEMORY;
        decoded += found == DECODED;
    }
    CHECK(refused > 3 && decoded == 3);
}

/* Handles of the parent, in its child: each call says what is wrong, and closing works. */
static int in_child(ncodec_encoder *encoder, ncodec_decoder *decoder) {
    const uint8_t *data;
    size_t size;
    int64_t timestamp;
    ncodec_decoder *other = NULL;
    alarm(20);
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_receive(encoder, &data, &size));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_encoder_finish(encoder));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_receive_frame(decoder, &timestamp));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_finish(decoder));
    CHECK(strstr(ncodec_decoder_error(decoder), "forked") != NULL);
    EXPECT(NCODEC_OK, ncodec_decoder_create(&other));
    EXPECT(NCODEC_ERROR_WRONG_ORDER, ncodec_decoder_send_data(other, (const uint8_t *)"", 0));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&other));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
    fflush(stdout);
    return failures;
}

static void forked(void) {
    struct tiny stream;
    uint8_t luma[TINY_SIDE * TINY_SIDE] = {0}, chroma[TINY_SIDE * TINY_SIDE / 4] = {0};
    const void *planes[3] = {luma, chroma, chroma};
    const ptrdiff_t strides[3] = {TINY_SIDE, TINY_SIDE / 2, TINY_SIDE / 2};
    ncodec_encoder *encoder = NULL;
    ncodec_decoder *decoder = NULL;
    ncodec_video_info info;
    int64_t timestamp;
    CHECK(tiny_encode(&stream, 3) == NCODEC_END);
    ncodec_video_info_init(&info, sizeof info);
    info.width = info.height = TINY_SIDE;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(NCODEC_OK, ncodec_encoder_open(encoder, &info));
    EXPECT(NCODEC_OK, ncodec_encoder_send_frame(encoder, planes, strides, 0));
    EXPECT(NCODEC_OK, ncodec_decoder_create(&decoder));
    EXPECT(NCODEC_OK, ncodec_decoder_send_data(decoder, stream.data, stream.size));
    EXPECT(NCODEC_OK, ncodec_decoder_receive_frame(decoder, &timestamp));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(in_child(encoder, decoder));
    CHECK(wait_for(child) == 0);
    /* The parent goes on. */
    CHECK(tiny_decode(&stream) == 3);
    EXPECT(NCODEC_OK, ncodec_decoder_receive_frame(decoder, &timestamp));
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
    EXPECT(NCODEC_OK, ncodec_decoder_close(&decoder));
}

static atomic_int is_over;

static void *decode_again_and_again(void *path) {
    while (!atomic_load(&is_over)) {
        int64_t timestamp;
        int32_t status;
        ncodec_decoder *decoder = NULL;
        if (ncodec_decoder_create(&decoder) != NCODEC_OK) abort();
        ncodec_decoder_set(decoder, "threads", "1");
        status = ncodec_decoder_open_file(decoder, path);
        while (status == NCODEC_OK && !atomic_load(&is_over)) {
            status = ncodec_decoder_receive_frame(decoder, &timestamp);
        }
        ncodec_decoder_close(&decoder);
    }
    return NULL;
}

/* Another thread may hold any lock while a child is made: closing in the child waits for none. */
static void forked_while_decoding(char *path) {
    pthread_t thread;
    uint8_t luma[TINY_SIDE * TINY_SIDE] = {0}, chroma[TINY_SIDE * TINY_SIDE / 4] = {0};
    const void *planes[3] = {luma, chroma, chroma};
    const ptrdiff_t strides[3] = {TINY_SIDE, TINY_SIDE / 2, TINY_SIDE / 2};
    ncodec_encoder *encoder = NULL;
    ncodec_video_info info;
    ncodec_video_info_init(&info, sizeof info);
    info.width = info.height = TINY_SIDE;
    EXPECT(NCODEC_OK, ncodec_encoder_create(&encoder));
    EXPECT(NCODEC_OK, ncodec_encoder_open(encoder, &info));
    EXPECT(NCODEC_OK, ncodec_encoder_send_frame(encoder, planes, strides, 0));
    CHECK(pthread_create(&thread, NULL, decode_again_and_again, path) == 0);
    fflush(stdout);
    for (int number = 0; number < FORKS; number++) {
        const struct timespec pause = {.tv_nsec = 3000000 + number * 777000L % 5000000};
        nanosleep(&pause, NULL);
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            _exit(ncodec_encoder_close(&encoder) == NCODEC_OK ? 0 : OTHER);
        }
        CHECK(wait_for(child) == 0);
    }
    atomic_store(&is_over, 1);
    CHECK(pthread_join(thread, NULL) == 0);
    EXPECT(NCODEC_OK, ncodec_encoder_close(&encoder));
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    /* First, while this process has not used the library. */
    low_memory(argv[1]);
    forked();
    forked_while_decoding(argv[1]);
    printf("  host: %d checks, %d failures\n", checks, failures);
    return failures > 0;
}
