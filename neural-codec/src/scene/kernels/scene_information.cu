// Spatial and temporal information of small pictures, and the sums that their mean and deviation come from.

// Sobel gradients of the small luma, row by row: magnitudes added in the order of the row, in single precision, as
// scene/texture.rs adds them, and their squares / 8, exact.
//
// out     record  a word for each row: the sum's bits, and the squares above them
// launch          one block of 128 threads for each row that has a row above and below
extern "C" __global__ void __launch_bounds__(128)
scene_spatial(SceneShape shape, const unsigned char* small, unsigned long long* record) {
    __shared__ float magnitudes[SCENE_SIDE];
    const ScenePlane& plane = shape.planes[0];
    int width = plane.small_width;
    const unsigned char* above = small + plane.small_at + (long long)blockIdx.x * width;
    const unsigned char *here = above + width, *below = here + width;
    unsigned long long squares = 0;
    for (int x = 1 + threadIdx.x; x < width - 1; x += blockDim.x) {
        int left = above[x - 1] + 2 * here[x - 1] + below[x - 1], right = above[x + 1] + 2 * here[x + 1] + below[x + 1];
        int upper = above[x - 1] + 2 * above[x] + above[x + 1], lower = below[x - 1] + 2 * below[x] + below[x + 1];
        int gradient_x = right - left, gradient_y = lower - upper;
        unsigned int square = (unsigned int)(gradient_x * gradient_x + gradient_y * gradient_y);
        magnitudes[x] = sqrtf((float)square);
        squares += square >> 3;
    }
    // Behind its barrier all magnitudes are there.
    squares = block_sum(squares);
    if (threadIdx.x > 0) return;
    float sum = 0.0f;
    for (int x = 1; x < width - 1; x++) sum += magnitudes[x];
    record[SCENE_SPATIAL + blockIdx.x] = squares << 32 | __float_as_uint(sum);
}

// Sums and sums of squares of the small luma, of its outline, and of the difference to the picture before.
//
// in      before  the small planes of that picture, of the same shape; read where has_before
// launch          grid (blocks, 2: small and outline), blocks of 256 threads that step over the samples
extern "C" __global__ void __launch_bounds__(256)
scene_sums(SceneShape shape, const unsigned char* small, const unsigned char* before, int has_before,
           unsigned long long* record) {
    const ScenePlane& plane = shape.planes[0];
    bool is_outline = blockIdx.y == 1;
    int start = is_outline ? plane.outline_at : plane.small_at;
    int count = is_outline ? plane.outline_width * plane.outline_height : plane.small_width * plane.small_height;
    int place = is_outline ? SCENE_OUTLINE : SCENE_LUMA;
    bool is_compared = has_before && !is_outline;
    unsigned long long sum = 0, squares = 0, changes = 0, changes_squared = 0;
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < count; at += gridDim.x * blockDim.x) {
        int value = small[start + at], change = is_compared ? value - before[start + at] : 0;
        sum += (unsigned long long)value;
        squares += (unsigned long long)(value * value);
        // Below zero it wraps round, and the sum of all of them back.
        changes += (unsigned long long)(long long)change;
        changes_squared += (unsigned long long)(change * change);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) atomicAdd(&record[place], sum);
    __syncthreads();
    squares = block_sum(squares);
    if (threadIdx.x == 0) atomicAdd(&record[place + 1], squares);
    if (!is_compared) return;
    __syncthreads();
    changes = block_sum(changes);
    if (threadIdx.x == 0) atomicAdd(&record[SCENE_TEMPORAL], changes);
    __syncthreads();
    changes_squared = block_sum(changes_squared);
    if (threadIdx.x == 0) atomicAdd(&record[SCENE_TEMPORAL + 1], changes_squared);
}
