/* Times one encode from file to file: time_encode CLIP OUT QUANTIZER; prints wall and processor seconds. */
#include <neural_codec.h>

#include <stdio.h>
#include <time.h>

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    const char *keys[] = {"quantizer", "effort", "threads"}, *values[] = {argv[3], "0", "2"};
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (ncodec_encode_file(argv[1], argv[2], keys, values, 3, NULL, NULL, NULL) != NCODEC_OK) {
        fprintf(stderr, "%s\n", ncodec_last_error());
        return 1;
    }
    printf("%f %f\n", seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}
