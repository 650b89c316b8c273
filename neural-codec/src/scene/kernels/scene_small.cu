// A frame made small: means of square cells, the outline of those, and a number that tells repeated frames.
//
// The integers of scene/downscale.rs, whole and cut-off cells rounded as there.

// The mean of a cell: `sum` over rows x columns samples; a whole cell has `factor` columns.
__device__ inline unsigned char scene_mean(unsigned int sum, int rows, int columns, int factor, int shift) {
    if (columns == factor) {
        unsigned long long whole = (unsigned long long)(rows * factor) << shift;
        unsigned long long reciprocal = ((1ull << 32) + whole / 2) / whole;
        unsigned long long mean = (sum * reciprocal + (1ull << 31)) >> 32;
        return (unsigned char)(mean < 255 ? mean : 255);
    }
    unsigned int area = (unsigned int)(rows * columns) << shift, mean = (sum + area / 2) / area;
    return (unsigned char)(mean < 255 ? mean : 255);
}

// The sum of the cell at column, row; its true size comes back in rows and columns.
template <class T>
__device__ inline unsigned int scene_sum(const T* samples, int width, int height, int factor, int column, int row,
                                         int& rows, int& columns) {
    int left = column * factor, top = row * factor;
    rows = min(factor, height - top);
    columns = min(factor, width - left);
    unsigned int sum = 0;
    for (int y = 0; y < rows; y++) {
        const T* at = samples + (long long)(top + y) * width + left;
        for (int x = 0; x < columns; x++) sum += at[x];
    }
    return sum;
}

// Takes a number into a hash, as the 64-bit FNV-1a does.
__device__ inline unsigned long long scene_hash(unsigned long long hash, unsigned long long number) {
    return (hash ^ number) * 0x00000100000001b3ull;
}

// The small planes.
//
// in   first, second, third  the planes at full size, as the shape says
// out  small                 their means
// out  hashes                [rows of all small planes]: a hash of the sums of each row
// launch                     grid (most rows of a small plane, 3 planes), blocks of 320 threads: one cell each
template <class T>
__device__ void scene_cells(const T* first, const T* second, const T* third, const SceneShape& shape, unsigned char* small,
                            unsigned long long* hashes) {
    __shared__ unsigned int sums[SCENE_SIDE];
    const ScenePlane& plane = shape.planes[blockIdx.y];
    const T* samples = blockIdx.y == 0 ? first : blockIdx.y == 1 ? second : third;
    int row = blockIdx.x, column = threadIdx.x;
    if (row >= plane.small_height) return;
    if (column < plane.small_width) {
        int rows, columns;
        unsigned int sum = scene_sum(samples, plane.width, plane.height, plane.factor, column, row, rows, columns);
        sums[column] = sum;
        small[plane.small_at + row * plane.small_width + column] = scene_mean(sum, rows, columns, plane.factor, shape.shift);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        unsigned long long hash = 0;
        for (int at = 0; at < plane.small_width; at++) hash = scene_hash(hash, sums[at]);
        hashes[plane.first_row + row] = hash;
    }
}

extern "C" __global__ void __launch_bounds__(SCENE_SIDE)
scene_cells_u8(const unsigned char* first, const unsigned char* second, const unsigned char* third, SceneShape shape,
               unsigned char* small, unsigned long long* hashes) {
    scene_cells(first, second, third, shape, small, hashes);
}

extern "C" __global__ void __launch_bounds__(SCENE_SIDE)
scene_cells_u16(const unsigned short* first, const unsigned short* second, const unsigned short* third, SceneShape shape,
                unsigned char* small, unsigned long long* hashes) {
    scene_cells(first, second, third, shape, small, hashes);
}

// Small red, green and blue, in place, into what stands for luma, blue difference and red difference.
//
// launch  blocks of 256 threads: one sample each
extern "C" __global__ void __launch_bounds__(256) scene_rgb(SceneShape shape, unsigned char* small) {
    int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= shape.planes[0].small_width * shape.planes[0].small_height) return;
    unsigned char* places[3];
    for (int plane = 0; plane < 3; plane++) places[plane] = small + shape.planes[plane].small_at + at;
    int red = *places[0], green = *places[1], blue = *places[2];
    int luma = (red + 2 * green + blue + 2) / 4;
    *places[0] = (unsigned char)luma;
    *places[1] = (unsigned char)(128 + (blue - luma) / 2);
    *places[2] = (unsigned char)(128 + (red - luma) / 2);
}

// The outlines of the small planes, and the fingerprint of all rows' hashes.
//
// launch  grid (most samples of an outline / 128, 3 planes and one for the fingerprint), blocks of 128 threads
extern "C" __global__ void __launch_bounds__(128)
scene_outline(SceneShape shape, unsigned char* small, const unsigned long long* hashes, unsigned long long* record) {
    if (blockIdx.y == 3) {
        __shared__ unsigned long long read[3 * SCENE_SIDE];
        if (blockIdx.x > 0) return;
        int rows = shape.planes[2].first_row + shape.planes[2].small_height;
        for (int row = threadIdx.x; row < rows; row += blockDim.x) read[row] = hashes[row];
        __syncthreads();
        if (threadIdx.x > 0) return;
        unsigned long long hash = 0xcbf29ce484222325ull;
        for (int row = 0; row < rows; row++) hash = scene_hash(hash, read[row]);
        record[SCENE_FINGERPRINT] = hash;
        return;
    }
    const ScenePlane& plane = shape.planes[blockIdx.y];
    int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= plane.outline_width * plane.outline_height) return;
    int rows, columns;
    unsigned int sum = scene_sum(small + plane.small_at, plane.small_width, plane.small_height, 4, at % plane.outline_width,
                                 at / plane.outline_width, rows, columns);
    small[plane.outline_at + at] = scene_mean(sum, rows, columns, 4, 0);
}
