/*
 * Memory stays flat over many cycles of open, encode 3 frames, decode them, close; also where a stream is damaged.
 *
 *     leaks cycles
 */
#include "tiny.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

enum { FRAMES = 3, WARM_UP = 50, ALLOWED_KIB = 2048 };

static long resident_kib(void) {
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2) abort();
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int descriptors(void) {
    int count = 0;
    for (int number = 0; number < 1024; number++) count += fcntl(number, F_GETFD) != -1;
    return count;
}

int main(int argc, char **argv) {
    int cycles = argc > 1 ? atoi(argv[1]) : 1000, open_before = 0;
    long before = 0;
    struct tiny stream;
    /* Every thread may get an arena of its own, and keeps what it once held: that is the allocator's, not kept by us. */
    mallopt(M_ARENA_MAX, 1);
    for (int cycle = -WARM_UP; cycle < cycles; cycle++) {
        if (cycle == 0) {
            before = resident_kib();
            open_before = descriptors();
        }
        if (tiny_encode(&stream, FRAMES) != NCODEC_END || tiny_decode(&stream) != FRAMES) return 1;
        stream.data[stream.size / 2] ^= 1;
        if (tiny_decode(&stream) > FRAMES) return 1;
    }
    long grown = resident_kib() - before;
    printf("  leaks: %d cycles, %ld KiB before, %+ld KiB since, %+d descriptors\n", cycles, before, grown,
           descriptors() - open_before);
    return grown > ALLOWED_KIB || descriptors() > open_before;
}
