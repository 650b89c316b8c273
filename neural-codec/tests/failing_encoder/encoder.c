/* SVT-AV1 that fails at packets that a test names, one an instance: stands before the real library, of which every copy of this one loads a
 * copy of its own, as the bindings do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* The fields that `EbBufferHeaderType` begins with in every version. */
struct header {
    uint32_t size;
    uint8_t *buffer;
    uint32_t filled;
};

static void *real(const char *name) {
    static void *library;
    if (!library) {
        char path[64];
        struct stat about;
        int from = open(getenv("FAILING_ENCODER_BEHIND"), O_RDONLY), to = memfd_create("behind", MFD_CLOEXEC);
        if (from < 0 || to < 0 || fstat(from, &about) != 0) abort();
        for (off_t at = 0; at < about.st_size;)
            if (sendfile(to, from, &at, about.st_size - at) <= 0) abort();
        /* Descriptors are left open, so that no two copies have one name. Another version that is loaded, such as FFmpeg's, is not to come between. */
        snprintf(path, sizeof path, "/proc/self/fd/%d", to);
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
        if (!library) abort();
    }
    void *found = dlsym(library, name);
    if (!found) abort();
    return found;
}

const char *svt_av1_get_version(void) { return ((const char *(*)(void))real(__func__))(); }

/* Two arguments or three, by version. */
int32_t svt_av1_enc_init_handle(void *a, void *b, void *c) {
    return ((int32_t (*)(void *, void *, void *))real(__func__))(a, b, c);
}

int32_t svt_av1_enc_parse_parameter(void *a, const char *b, const char *c) {
    return ((int32_t (*)(void *, const char *, const char *))real(__func__))(a, b, c);
}

#define FORWARD1(name) \
    int32_t name(void *a) { return ((int32_t (*)(void *))real(__func__))(a); }
#define FORWARD2(name) \
    int32_t name(void *a, void *b) { return ((int32_t (*)(void *, void *))real(__func__))(a, b); }

FORWARD2(svt_av1_enc_set_parameter)
FORWARD1(svt_av1_enc_init)
FORWARD2(svt_av1_enc_send_picture)
FORWARD1(svt_av1_enc_deinit)
FORWARD1(svt_av1_enc_deinit_handle)

void svt_av1_enc_release_out_buffer(void **a) { ((void (*)(void **))real(__func__))(a); }

int32_t svt_av1_enc_get_packet(void *a, void **b, uint8_t c) {
    /* Units of this instance that were given, and whether it has failed. */
    static int given, failed;
    int32_t status = ((int32_t (*)(void *, void **, uint8_t))real(__func__))(a, b, c);
    const char *wanted = getenv("FAILING_ENCODER_AT");
    struct header *packet = status == 0 ? *b : NULL;
    if (!packet || !packet->buffer || packet->filled == 0) return status;
    if (wanted && *wanted && given++ == atoi(wanted) && !failed) {
        failed = 1;
        const char *rest = strchr(wanted, ',');
        if (!getenv("FAILING_ENCODER_ALWAYS")) setenv("FAILING_ENCODER_AT", rest ? rest + 1 : "", 1);
        if (getenv("FAILING_ENCODER_LOSES")) packet->filled = 0;
        /* The bit of an OBU's header that is never set. */
        for (uint32_t at = 0; at < packet->filled; at++) packet->buffer[at] |= 0x80;
    }
    return status;
}
