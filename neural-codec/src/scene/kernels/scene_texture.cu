// Detail, grain, plain areas and values of a plane at full size, from blocks of 16 x 16 spread over it.
//
// in   samples  [height][width]
// out  record   steps and hard steps between neighbors of a row, how often each value occurs, and for each block
//               its second derivatives' sum (32 bits), least value (16) and largest value (16)
// launch        one block of 256 threads for each sampled block, in a grid of as many columns and rows; a thread has a sample

template <class T>
__device__ void scene_texture(const T* samples, int width, int height, int shift, unsigned long long* record) {
    __shared__ int values[16][16];
    __shared__ unsigned int counts[256];
    __shared__ int extremes[8][2];
    int x = threadIdx.x % 16, y = threadIdx.x / 16;
    int left = max(width - 16, 0) * (int)blockIdx.x / max((int)gridDim.x - 1, 1);
    int top = (int)((long long)max(height - 16, 0) * (int)blockIdx.y / max((int)gridDim.y - 1, 1));
    int columns = min(16, width - left), rows = min(16, height - top);
    bool is_inside = x < columns && y < rows;
    int value = is_inside ? (int)samples[(long long)(top + y) * width + left + x] >> shift : 0;
    values[y][x] = value;
    counts[threadIdx.x] = 0;
    __syncthreads();

    if (is_inside) atomicAdd(&counts[min(value, 255)], 1u);
    int step = is_inside && x > 0 ? abs(value - values[y][x - 1]) : 0;
    unsigned long long derivative = 0;
    if (x > 0 && y > 0 && x + 1 < columns && y + 1 < rows) {
        int cross = values[y][x - 1] + values[y][x + 1] + values[y - 1][x] + values[y + 1][x];
        int corners = values[y - 1][x - 1] + values[y - 1][x + 1] + values[y + 1][x - 1] + values[y + 1][x + 1];
        derivative = (unsigned long long)abs(4 * value - 2 * cross + corners);
    }
    // Three sums at once: none grows into the next.
    unsigned long long sums =
        block_sum(derivative | (unsigned long long)(step > 2) << 32 | (unsigned long long)(step >= 48) << 48);

    int least = is_inside ? value : 0xffff, most = is_inside ? value : 0;
    for (int distance = 16; distance > 0; distance /= 2) {
        least = min(least, __shfl_down_sync(0xffffffffu, least, distance));
        most = max(most, __shfl_down_sync(0xffffffffu, most, distance));
    }
    if (threadIdx.x % 32 == 0) {
        extremes[threadIdx.x / 32][0] = least;
        extremes[threadIdx.x / 32][1] = most;
    }
    __syncthreads();
    if (counts[threadIdx.x]) atomicAdd(&record[SCENE_COUNTS + threadIdx.x], (unsigned long long)counts[threadIdx.x]);
    if (threadIdx.x > 0) return;
    for (int warp = 1; warp < 8; warp++) {
        least = min(least, extremes[warp][0]);
        most = max(most, extremes[warp][1]);
    }
    atomicAdd(&record[SCENE_STEPS], sums >> 32 & 0xffff);
    atomicAdd(&record[SCENE_STEPS + 1], sums >> 48);
    record[SCENE_TEXTURE + blockIdx.y * gridDim.x + blockIdx.x] =
        (sums & 0xffffffffull) | (unsigned long long)least << 32 | (unsigned long long)most << 48;
}

extern "C" __global__ void __launch_bounds__(256)
scene_texture_u8(const unsigned char* samples, int width, int height, int shift, unsigned long long* record) {
    scene_texture(samples, width, height, shift, record);
}

extern "C" __global__ void __launch_bounds__(256)
scene_texture_u16(const unsigned short* samples, int width, int height, int shift, unsigned long long* record) {
    scene_texture(samples, width, height, shift, record);
}
