/*
 * Encodes an 8-bit 4:2:0 Y4M file to a .nvc file, frames in and bytes out.
 *
 *     encode_y4m input.y4m output.nvc [key=value ...]
 *
 * Keys are encoder settings, such as quantizer=30 or effort=6; docs/C.md lists them.
 */
#include <neural_codec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char *what, const char *why) {
    fprintf(stderr, "encode_y4m: %s: %s\n", what, why);
    return 1;
}

static int encoder_failed(const char *what, int32_t status, const ncodec_encoder *encoder) {
    fprintf(stderr, "encode_y4m: %s: %s: %s\n", what, ncodec_status_name(status),
            ncodec_encoder_error(encoder));
    return 1;
}

/* Shows progress; a non-zero result would cancel. */
static int32_t show(const ncodec_progress *progress, void *user_data) {
    fprintf(user_data, "\r%llu frames, %llu bytes", (unsigned long long)progress->frames_done,
            (unsigned long long)progress->bytes);
    return 0;
}

/* Reads the line of parameters that starts a Y4M file. */
static int read_header(FILE *input, ncodec_video_info *info) {
    char line[256];
    if (fgets(line, sizeof line, input) == NULL || strncmp(line, "YUV4MPEG2 ", 10) != 0)
        return failed("input", "not a Y4M file");
    for (char *word = strtok(line + 10, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        const char *value = word + 1;
        unsigned num = 0, den = 0;
        switch (word[0]) {
        case 'W': info->width = (uint32_t)strtoul(value, NULL, 10); break;
        case 'H': info->height = (uint32_t)strtoul(value, NULL, 10); break;
        case 'F':
            if (sscanf(value, "%u:%u", &num, &den) == 2) {
                info->frame_rate_num = num;
                info->frame_rate_den = den;
            }
            break;
        case 'A':
            if (sscanf(value, "%u:%u", &num, &den) == 2 && num > 0 && den > 0) {
                info->pixel_aspect_num = num;
                info->pixel_aspect_den = den;
            }
            break;
        case 'C':
            if (strcmp(value, "420jpeg") == 0)
                info->chroma_location = NCODEC_CHROMA_CENTER;
            else if (strcmp(value, "420mpeg2") == 0)
                info->chroma_location = NCODEC_CHROMA_LEFT;
            else if (strcmp(value, "420") != 0)
                return failed("input", "only 8-bit 4:2:0 is read by this example");
            break;
        case 'X':
            if (strcmp(word, "XCOLORRANGE=FULL") == 0) info->color_range = NCODEC_RANGE_FULL;
            if (strcmp(word, "XCOLORRANGE=LIMITED") == 0) info->color_range = NCODEC_RANGE_LIMITED;
            break;
        default: break;
        }
    }
    return 0;
}

/* Writes what the encoder has ready, up to NCODEC_AGAIN or NCODEC_END. */
static int32_t drain(ncodec_encoder *encoder, FILE *output) {
    const uint8_t *data;
    size_t size;
    int32_t status;
    while ((status = ncodec_encoder_receive(encoder, &data, &size)) == NCODEC_OK)
        if (fwrite(data, 1, size, output) != size) return NCODEC_ERROR_IO;
    return status;
}

static int encode(FILE *input, FILE *output, const ncodec_video_info *info, uint8_t *samples,
                  ncodec_encoder *encoder) {
    const void *planes[3];
    ptrdiff_t strides[3];
    size_t total = 0;
    for (int plane = 0; plane < 3; plane++) {
        size_t row_bytes, rows;
        if (ncodec_plane_size(info, plane, &row_bytes, &rows) != NCODEC_OK)
            return failed("input", ncodec_last_error());
        planes[plane] = samples + total;
        strides[plane] = (ptrdiff_t)row_bytes;
        total += row_bytes * rows;
    }
    int32_t status = ncodec_encoder_open(encoder, info);
    if (status != NCODEC_OK) return encoder_failed("opening", status, encoder);

    char line[256];
    for (int64_t index = 0; fgets(line, sizeof line, input) != NULL; index++) {
        if (strncmp(line, "FRAME", 5) != 0) return failed("input", "a frame does not start with FRAME");
        if (fread(samples, 1, total, input) != total) return failed("input", "the last frame is cut");
        status = ncodec_encoder_send_frame(encoder, planes, strides, index);
        if (status != NCODEC_OK) return encoder_failed("sending", status, encoder);
        status = drain(encoder, output);
        if (status != NCODEC_AGAIN) return encoder_failed("writing", status, encoder);
    }
    status = ncodec_encoder_finish(encoder);
    if (status != NCODEC_OK) return encoder_failed("finishing", status, encoder);
    status = drain(encoder, output);
    if (status != NCODEC_END) return encoder_failed("writing", status, encoder);

    char *report = NULL;
    if (ncodec_encoder_report(encoder, &report) == NCODEC_OK) printf("%s\n", report);
    ncodec_string_free(report);
    return 0;
}

static int set_all(ncodec_encoder *encoder, int count, char **settings) {
    for (int i = 0; i < count; i++) {
        char *value = strchr(settings[i], '=');
        if (value == NULL) return failed(settings[i], "expected key=value");
        *value++ = '\0';
        int32_t status = ncodec_encoder_set(encoder, settings[i], value);
        if (status != NCODEC_OK) return encoder_failed("setting", status, encoder);
    }
    ncodec_encoder_set_progress(encoder, show, stderr);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 3) return failed("usage", "encode_y4m input.y4m output.nvc [key=value ...]");
    if (ncodec_abi_version() != NCODEC_ABI_VERSION) return failed("library", "another binary interface");

    FILE *input = fopen(argv[1], "rb");
    if (input == NULL) return failed(argv[1], "cannot open");
    ncodec_video_info info;
    ncodec_video_info_init(&info, sizeof info);
    if (read_header(input, &info) != 0) return fclose(input), 1;

    FILE *output = fopen(argv[2], "wb");
    if (output == NULL) return fclose(input), failed(argv[2], "cannot create");

    ncodec_encoder *encoder = NULL;
    uint8_t *samples = malloc((size_t)info.width * info.height * 3);
    int result = 1;
    if (samples == NULL)
        failed("frame", "out of memory");
    else if (ncodec_encoder_create(&encoder) != NCODEC_OK)
        failed("encoder", ncodec_last_error());
    else if (set_all(encoder, argc - 3, argv + 3) == 0)
        result = encode(input, output, &info, samples, encoder);

    ncodec_encoder_close(&encoder);
    free(samples);
    fclose(input);
    if (fclose(output) != 0) return failed(argv[2], "cannot write");
    return result;
}
