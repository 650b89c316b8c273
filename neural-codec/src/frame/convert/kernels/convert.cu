// Between RGB and YUV, chroma layouts and bit depths: the integers of frame/convert, one thread a sample.
//
// Samples are of 1 or 2 bytes each, by what `from_bytes` and `to_bytes` say; all threads go the same way.

// clamp((gain * x + bias) >> shift, min, max)
struct ConvertAffine {
    int gain, bias, shift, min, max;
};

// (r * rgb[0] + g * rgb[1] + b * rgb[2] + bias) >> shift, clamped
struct ConvertSum {
    int rgb[3], bias, shift, min, max;
};

// Factors of Y, U and V for red, green and blue.
struct ConvertToRgb {
    int y, u[3], v[3], bias, shift, max;
};

// Taps that double a chroma plane of width x height, or keep it, along each side; even outputs first.
struct ConvertUp {
    int width, height;
    int doubles_x, doubles_y;
    int across[8], down[8];
    int neutral, shift;
};

// Taps that halve along each side, or keep; what comes in is width x height.
struct ConvertDown {
    int width, height;
    int halves_x, step_y;
    int across[8], down[8];
    int shift, bias, max;
};

__device__ inline int convert_read(const void* samples, int bytes, long long at) {
    return bytes == 1 ? ((const unsigned char*)samples)[at] : ((const unsigned short*)samples)[at];
}

__device__ inline void convert_write(void* samples, int bytes, long long at, int value) {
    if (bytes == 1) {
        ((unsigned char*)samples)[at] = (unsigned char)value;
    } else {
        ((unsigned short*)samples)[at] = (unsigned short)value;
    }
}

__device__ inline int convert_affine(int value, const ConvertAffine& by) {
    return min(max((value * by.gain + by.bias) >> by.shift, by.min), by.max);
}

__device__ inline int convert_sum(int r, int g, int b, const ConvertSum& by) {
    return min(max((r * by.rgb[0] + g * by.rgb[1] + b * by.rgb[2] + by.bias) >> by.shift, by.min), by.max);
}

// Four samples of a column times their taps, centerd on 0.
__device__ inline int convert_blend(const void* plane, int bytes, const ConvertUp& by, int x, int first, const int* taps) {
    int sum = -by.neutral * 320;
    for (int k = 0; k < 4; k++) {
        int y = min(max(first + k, 0), by.height - 1);
        sum += convert_read(plane, bytes, (long long)y * by.width + x) * taps[k];
    }
    return sum;
}

// The sample at x, y of a chroma plane at the higher resolution, centerd on 0.
__device__ inline int convert_raised(const void* plane, int bytes, const ConvertUp& by, int x, int y) {
    int first = by.doubles_y ? y / 2 - 2 + y % 2 : y - 2;
    const int* down = by.down + (by.doubles_y && y % 2 ? 4 : 0);
    int half = 1 << (by.shift - 1);
    if (!by.doubles_x) return (convert_blend(plane, bytes, by, x, first, down) * 320 + half) >> by.shift;
    const int* across = by.across + (x % 2 ? 4 : 0);
    int left = x / 2 - 2 + x % 2, sum = half;
    for (int k = 0; k < 4; k++) {
        int column = min(max(left + k, 0), by.width - 1);
        sum += convert_blend(plane, bytes, by, column, first, down) * across[k];
    }
    return sum >> by.shift;
}

// One plane under another depth.
//
// in   from  [count] samples
// out  to    [count] samples
// launch     blocks of 256 threads: one sample each
extern "C" __global__ void __launch_bounds__(256)
convert_map(const void* from, int from_bytes, long long count, ConvertAffine by, void* to, int to_bytes) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at < count) convert_write(to, to_bytes, at, convert_affine(convert_read(from, from_bytes, at), by));
}

// Red, green and blue from luma and chroma of any layout.
//
// in   y        [height][width]; u, v as `up` says
// out  r, g, b  [height][width]
// launch        blocks of 32 x 8 threads over the pixels
extern "C" __global__ void __launch_bounds__(256)
convert_to_rgb(const void* y, const void* u, const void* v, int from_bytes, int width, int height, ConvertUp up, ConvertToRgb by,
               void* r, void* g, void* b, int to_bytes) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= height) return;
    long long at = (long long)row * width + column;
    int luma = convert_read(y, from_bytes, at) * by.y + by.bias;
    int blue_difference = convert_raised(u, from_bytes, up, column, row);
    int red_difference = convert_raised(v, from_bytes, up, column, row);
    int red = luma + red_difference * by.v[0];
    int green = luma + blue_difference * by.u[1] + red_difference * by.v[1];
    int blue = luma + blue_difference * by.u[2];
    convert_write(r, to_bytes, at, min(max(red >> by.shift, 0), by.max));
    convert_write(g, to_bytes, at, min(max(green >> by.shift, 0), by.max));
    convert_write(b, to_bytes, at, min(max(blue >> by.shift, 0), by.max));
}

// One of Y, U and V at full resolution from red, green and blue.
//
// in   r, g, b  [count]
// out  to       [count]
// launch        blocks of 256 threads: one sample each
extern "C" __global__ void __launch_bounds__(256)
convert_from_rgb(const void* r, const void* g, const void* b, int from_bytes, long long count, ConvertSum by, void* to,
                 int to_bytes) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count) return;
    int sum = convert_sum(convert_read(r, from_bytes, at), convert_read(g, from_bytes, at), convert_read(b, from_bytes, at), by);
    convert_write(to, to_bytes, at, sum);
}

// A chroma plane at a higher resolution.
//
// in   from  as `up` says
// out  to    [height][width]
// launch     blocks of 32 x 8 threads over the samples
extern "C" __global__ void __launch_bounds__(256)
convert_raise(const void* from, int from_bytes, ConvertUp up, ConvertAffine by, int width, int height, void* to, int to_bytes) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= height) return;
    int raised = convert_raised(from, from_bytes, up, column, row);
    convert_write(to, to_bytes, (long long)row * width + column, convert_affine(raised, by));
}

// The first half of lowering a chroma plane: along rows.
//
// in   r, g, b  [height][width] of `down`: red, green and blue that `sum` makes one plane of; or, where is_rgb is 0, r alone,
//               a chroma plane that `sum` has the factor of as its first
// out  rows     [height][width, or half of it rounded up]
// launch        blocks of 32 x 8 threads over what comes out
extern "C" __global__ void __launch_bounds__(256)
convert_lower_rows(const void* r, const void* g, const void* b, int from_bytes, int is_rgb, ConvertSum sum, ConvertDown down,
                   int* rows) {
    int width = down.halves_x ? (down.width + 1) / 2 : down.width;
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= down.height) return;
    long long start = (long long)row * down.width;
    int total = 256, taps = down.halves_x ? 8 : 1;
    for (int k = 0; k < taps; k++) {
        int x = down.halves_x ? min(max(2 * column + k - 3, 0), down.width - 1) : column;
        int first = convert_read(r, from_bytes, start + x), second = 0, third = 0;
        if (is_rgb) {
            second = convert_read(g, from_bytes, start + x);
            third = convert_read(b, from_bytes, start + x);
        }
        total += convert_sum(first, second, third, sum) * (down.halves_x ? down.across[k] : 640);
    }
    rows[(long long)row * width + column] = total >> 9;
}

// The second half: along columns.
//
// in   rows  [height of `down`][width]
// out  to    [out_height][width]
// launch     blocks of 32 x 8 threads over what comes out
extern "C" __global__ void __launch_bounds__(256)
convert_lower_columns(const int* rows, int width, int out_height, ConvertDown down, void* to, int to_bytes) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= out_height) return;
    int total = down.bias;
    for (int k = 0; k < 8; k++) {
        int y = min(max(row * down.step_y + k - 3, 0), down.height - 1);
        total += rows[(long long)y * width + column] * down.down[k];
    }
    convert_write(to, to_bytes, (long long)row * width + column, min(max(total >> down.shift, 0), down.max));
}

// Red, green and blue side by side into planes.
//
// in   pixels   [count][3]
// out  r, g, b  [count]
// launch        blocks of 256 threads: one pixel each
extern "C" __global__ void __launch_bounds__(256)
convert_deinterleave(const void* pixels, long long count, int bytes, void* r, void* g, void* b) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count) return;
    convert_write(r, bytes, at, convert_read(pixels, bytes, 3 * at));
    convert_write(g, bytes, at, convert_read(pixels, bytes, 3 * at + 1));
    convert_write(b, bytes, at, convert_read(pixels, bytes, 3 * at + 2));
}

// Planes into red, green and blue side by side.
//
// in   r, g, b  [count]
// out  pixels   [count][3]
// launch        blocks of 256 threads: one pixel each
extern "C" __global__ void __launch_bounds__(256)
convert_interleave(const void* r, const void* g, const void* b, long long count, int bytes, void* pixels) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count) return;
    convert_write(pixels, bytes, 3 * at, convert_read(r, bytes, at));
    convert_write(pixels, bytes, 3 * at + 1, convert_read(g, bytes, at));
    convert_write(pixels, bytes, 3 * at + 2, convert_read(b, bytes, at));
}

// How many samples are above a limit.
//
// in   samples  [count]
// out  over     one number, to which every block adds; zero before the launch
// launch        blocks of 256 threads, as many as fill the device; threads step over the samples
extern "C" __global__ void __launch_bounds__(256)
convert_count_over(const unsigned short* samples, long long count, int limit, unsigned long long* over) {
    unsigned long long found = 0;
    long long step = (long long)gridDim.x * blockDim.x;
    for (long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x; at < count; at += step) found += samples[at] > limit;
    found = block_sum(found);
    if (threadIdx.x == 0 && found) atomicAdd(over, found);
}
