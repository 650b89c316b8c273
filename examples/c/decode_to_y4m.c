/*
 * Decodes a .nvc file to a Y4M file, bytes in and frames out.
 *
 *     decode_to_y4m input.nvc output.y4m [bytes at a time]
 *
 * The number of bytes at a time changes nothing but the number of calls.
 */
#include <neural_codec.h>

#include <stdio.h>
#include <stdlib.h>

/* The picture that frames are copied into: three planes without padding. */
struct picture {
    void *planes[3];
    ptrdiff_t strides[3];
    size_t rows[3];
};

static int failed(const char *what, const char *why) {
    fprintf(stderr, "decode_to_y4m: %s: %s\n", what, why);
    return 1;
}

static int decoder_failed(const char *what, int32_t status, const ncodec_decoder *decoder) {
    int64_t offset = -1, scene = -1, frame = -1;
    ncodec_decoder_error_place(decoder, &offset, &scene, &frame);
    fprintf(stderr, "decode_to_y4m: %s: %s: %s (byte %lld, scene %lld, frame %lld)\n", what,
            ncodec_status_name(status), ncodec_decoder_error(decoder), (long long)offset,
            (long long)scene, (long long)frame);
    return 1;
}

/* Y4M's name of the format, or NULL where it has none. */
static const char *format_name(const ncodec_video_info *info) {
    static const char *const names[2][3] = {{"420mpeg2", "422", "444"},
                                            {"420p10", "422p10", "444p10"}};
    if (info->layout < NCODEC_LAYOUT_YUV420 || info->layout > NCODEC_LAYOUT_YUV444) return NULL;
    if (info->layout == NCODEC_LAYOUT_YUV420 && info->bit_depth == 8 &&
        info->chroma_location == NCODEC_CHROMA_CENTER)
        return "420jpeg";
    return names[info->bit_depth == 10][info->layout];
}

static int start(FILE *output, const ncodec_video_info *info, struct picture *picture) {
    const char *format = format_name(info);
    if (format == NULL) return failed("output", "Y4M cannot hold RGB");
    fprintf(output, "YUV4MPEG2 W%u H%u F%u:%u Ip A%u:%u C%s%s\n", info->width, info->height,
            info->frame_rate_num, info->frame_rate_den, info->pixel_aspect_num, info->pixel_aspect_den,
            format,
            info->color_range == NCODEC_RANGE_FULL      ? " XCOLORRANGE=FULL"
            : info->color_range == NCODEC_RANGE_LIMITED ? " XCOLORRANGE=LIMITED"
                                                        : "");
    for (int plane = 0; plane < 3; plane++) {
        size_t row_bytes;
        if (ncodec_plane_size(info, plane, &row_bytes, &picture->rows[plane]) != NCODEC_OK)
            return failed("plane", ncodec_last_error());
        picture->strides[plane] = (ptrdiff_t)row_bytes;
        picture->planes[plane] = malloc(row_bytes * picture->rows[plane]);
        if (picture->planes[plane] == NULL) return failed("plane", "out of memory");
    }
    return 0;
}

static int write_picture(FILE *output, const struct picture *picture) {
    fputs("FRAME\n", output);
    for (int plane = 0; plane < 3; plane++)
        fwrite(picture->planes[plane], (size_t)picture->strides[plane], picture->rows[plane], output);
    return ferror(output) ? failed("output", "cannot write") : 0;
}

static int decode(FILE *input, FILE *output, uint8_t *data, size_t capacity,
                  ncodec_decoder *decoder, struct picture *picture) {
    int64_t timestamp;
    int32_t status;
    ncodec_video_info info;
    ncodec_video_info_init(&info, sizeof info);
    while ((status = ncodec_decoder_receive_frame(decoder, &timestamp)) != NCODEC_END) {
        if (status == NCODEC_AGAIN) {
            size_t size = fread(data, 1, capacity, input);
            if (ferror(input)) return failed("input", "cannot read");
            status = size > 0 ? ncodec_decoder_send_data(decoder, data, size)
                              : ncodec_decoder_finish(decoder);
            if (status != NCODEC_OK) return decoder_failed("sending", status, decoder);
            continue;
        }
        if (status != NCODEC_OK) return decoder_failed("decoding", status, decoder);
        if (picture->planes[0] == NULL) {
            status = ncodec_decoder_video_info(decoder, &info);
            if (status != NCODEC_OK) return decoder_failed("describing", status, decoder);
            if (start(output, &info, picture) != 0) return 1;
        }
        status = ncodec_decoder_copy_frame(decoder, picture->planes, picture->strides);
        if (status != NCODEC_OK) return decoder_failed("copying", status, decoder);
        if (write_picture(output, picture) != 0) return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 3) return failed("usage", "decode_to_y4m input.nvc output.y4m [bytes at a time]");
    if (ncodec_abi_version() != NCODEC_ABI_VERSION) return failed("library", "another binary interface");
    long capacity = argc > 3 ? strtol(argv[3], NULL, 10) : 65536;
    if (capacity < 1) return failed("bytes at a time", "at least 1");

    FILE *input = fopen(argv[1], "rb");
    if (input == NULL) return failed(argv[1], "cannot open");
    FILE *output = fopen(argv[2], "wb");
    if (output == NULL) return fclose(input), failed(argv[2], "cannot create");

    struct picture picture = {{NULL}, {0}, {0}};
    ncodec_decoder *decoder = NULL;
    uint8_t *data = malloc((size_t)capacity);
    int result = 1;
    if (data == NULL)
        failed("buffer", "out of memory");
    else if (ncodec_decoder_create(&decoder) != NCODEC_OK)
        failed("decoder", ncodec_last_error());
    else
        result = decode(input, output, data, (size_t)capacity, decoder, &picture);

    ncodec_decoder_close(&decoder);
    for (int plane = 0; plane < 3; plane++) free(picture.planes[plane]);
    free(data);
    fclose(input);
    if (fclose(output) != 0) return failed(argv[2], "cannot write");
    return result;
}
