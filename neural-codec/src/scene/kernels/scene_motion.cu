// Where each block of a small picture was in the picture before.

// Mean and deviation from a sum and a sum of squares, as scene/difference.rs has them.
__device__ inline void scene_deviation(const unsigned long long* sums, int count, float& mean, float& deviation) {
    double center = (double)sums[0] / (double)count;
    double variance = (double)sums[1] / (double)count - center * center;
    mean = (float)center;
    deviation = (float)sqrt(variance > 0.0 ? variance : 0.0);
}

// The small luma of the picture before and its outline, with mean and contrast of this picture, so that a fade is no movement.
//
// in      before, record_before, record  the picture before, and the sums of both (kernel scene_sums)
// out     levelled                       [small luma][outline]: brought to this picture's brightness, or the same where that is near
// out     record                         whether they were brought to it
// launch                                 grid (blocks, 2: small and outline), blocks of 256 threads: one sample each
extern "C" __global__ void __launch_bounds__(256)
scene_level(SceneShape shape, const unsigned char* before, const unsigned long long* record_before, unsigned char* levelled,
            unsigned long long* record) {
    const ScenePlane& plane = shape.planes[0];
    bool is_outline = blockIdx.y == 1;
    int small_count = plane.small_width * plane.small_height;
    int count = is_outline ? plane.outline_width * plane.outline_height : small_count;
    int place = is_outline ? SCENE_OUTLINE : SCENE_LUMA, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count) return;
    float mean_before, deviation_before, mean, deviation;
    scene_deviation(record_before + place, count, mean_before, deviation_before);
    scene_deviation(record + place, count, mean, deviation);
    float gain = (deviation + 0.5f) / (deviation_before + 0.5f);
    gain = gain < 0.2f ? 0.2f : gain > 5.0f ? 5.0f : gain;
    bool is_near = fabsf(mean_before - mean) < 1.0f && fabsf(gain - 1.0f) < 0.03f;
    unsigned char sample = before[(is_outline ? plane.outline_at : plane.small_at) + at];
    if (!is_near) {
        float value = ((float)sample - mean_before) * gain + mean + 0.5f;
        sample = (unsigned char)(int)(value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value);
    }
    levelled[(is_outline ? small_count : 0) + at] = sample;
    if (at == 0) record[SCENE_LEVELLED + is_outline] = !is_near;
}

// The sum of absolute differences of a block to the window at an offset.
__device__ inline unsigned int scene_cost(const unsigned char block[SCENE_BLOCK][SCENE_BLOCK],
                                          const unsigned char window[3 * SCENE_BLOCK][3 * SCENE_BLOCK], int rows, int columns,
                                          int down, int across) {
    unsigned int cost = 0;
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) cost += abs((int)block[y][x] - (int)window[y + down][x + across]);
    }
    return cost;
}

// The match of least cost of each block; of equal costs that of the shortest displacement, then the first row after row.
//
// Three searches: the small luma within 4 samples in the levelled picture; the outline within 8 in the picture as it was;
// and the outline within 8 in the levelled picture. Pictures go on beyond their edges as at them.
//
// out     record  two words a block: cost (32 bits), squared length (16) and index (16) of the displacement; and for the first
//                 search the cost without displacement, for the others the deviation of the block from its own mean
// launch          grid (most blocks of a search, 3), blocks of 128 threads that step over displacements
extern "C" __global__ void __launch_bounds__(128)
scene_search(SceneShape shape, const unsigned char* small, const unsigned char* before, const unsigned char* levelled,
             unsigned long long* record) {
    __shared__ unsigned char block[SCENE_BLOCK][SCENE_BLOCK], window[3 * SCENE_BLOCK][3 * SCENE_BLOCK];
    __shared__ unsigned long long best[4];
    const ScenePlane& plane = shape.planes[0];
    bool is_fine = blockIdx.y == 0;
    int width = is_fine ? plane.small_width : plane.outline_width, height = is_fine ? plane.small_height : plane.outline_height;
    int across = (width + SCENE_BLOCK - 1) / SCENE_BLOCK, down = (height + SCENE_BLOCK - 1) / SCENE_BLOCK;
    if ((int)blockIdx.x >= across * down) return;
    const unsigned char* picture = small + (is_fine ? plane.small_at : plane.outline_at);
    const unsigned char* reference = is_fine            ? levelled
                                     : blockIdx.y == 1 ? before + plane.outline_at
                                                        : levelled + plane.small_width * plane.small_height;
    int range = is_fine ? 4 : 8, side = 2 * range + 1;
    int left = (int)blockIdx.x % across * SCENE_BLOCK, top = (int)blockIdx.x / across * SCENE_BLOCK;
    int columns = min(SCENE_BLOCK, width - left), rows = min(SCENE_BLOCK, height - top), span = SCENE_BLOCK + 2 * range;
    if (threadIdx.x < SCENE_BLOCK * SCENE_BLOCK) {
        int x = threadIdx.x % SCENE_BLOCK, y = threadIdx.x / SCENE_BLOCK;
        if (x < columns && y < rows) block[y][x] = picture[(top + y) * width + left + x];
    }
    for (int at = threadIdx.x; at < span * span; at += blockDim.x) {
        int x = min(max(left - range + at % span, 0), width - 1), y = min(max(top - range + at / span, 0), height - 1);
        window[at / span][at % span] = reference[y * width + x];
    }
    __syncthreads();

    int words = (is_fine ? shape.fine_at : blockIdx.y == 1 ? shape.outline_at : shape.levelled_at) + 2 * (int)blockIdx.x;
    unsigned long long least = ~0ull;
    for (int index = threadIdx.x; index < side * side; index += blockDim.x) {
        int dx = index % side - range, dy = index / side - range;
        unsigned int cost = scene_cost(block, window, rows, columns, dy + range, dx + range);
        unsigned long long key = (unsigned long long)cost << 32 | (unsigned long long)(dx * dx + dy * dy) << 16 | index;
        least = key < least ? key : least;
        if (is_fine && dx == 0 && dy == 0) record[words + 1] = cost;
    }
    for (int distance = 16; distance > 0; distance /= 2) {
        unsigned long long other = __shfl_down_sync(0xffffffffu, least, distance);
        least = other < least ? other : least;
    }
    if (threadIdx.x % 32 == 0) best[threadIdx.x / 32] = least;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int warp = 1; warp < 4; warp++) least = best[warp] < least ? best[warp] : least;
    record[words] = least;
    if (is_fine) return;
    unsigned int sum = 0, area = rows * columns, deviation = 0;
    for (int at = 0; at < (int)area; at++) sum += block[at / columns][at % columns];
    int mean = (int)((sum + area / 2) / area);
    for (int at = 0; at < (int)area; at++) deviation += abs((int)block[at / columns][at % columns] - mean);
    record[words + 1] = deviation;
}
