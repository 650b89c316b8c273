/*
 * Writes a Y4M clip of a moving gradient, 10 frames a second.
 *
 *     make_y4m width height frames output.y4m
 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int width = atoi(argv[1]), height = atoi(argv[2]), frames = atoi(argv[3]);
    FILE *output = fopen(argv[4], "wb");
    if (output == NULL) return 2;
    fprintf(output, "YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n", width, height);
    for (int t = 0; t < frames; t++) {
        fputs("FRAME\n", output);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) putc(16 + (3 * x + 2 * y + 5 * t) % 200, output);
        for (int plane = 1; plane < 3; plane++)
            for (int y = 0; y < (height + 1) / 2; y++)
                for (int x = 0; x < (width + 1) / 2; x++)
                    putc(128 + (plane == 1 ? x - y : y - t) % 50, output);
    }
    return fclose(output) != 0;
}
