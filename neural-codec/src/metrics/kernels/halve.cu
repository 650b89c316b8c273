// Means of 2x2 samples, for the next scale of MS-SSIM; an odd side gets a border of zeros at its start.
//
// in   samples  [height][width]
// out  means    [(height + 1) / 2][(width + 1) / 2]
// launch        blocks of 32 x 8 threads over the means

template <class T>
__device__ void halve(const T* samples, int width, int height, float* means) {
    int half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= half_width || row >= half_height) return;
    int left = 2 * column - width % 2, top = 2 * row - height % 2;
    float pairs[2] = {0.0f, 0.0f};
    for (int dy = 0; dy < 2; dy++) {
        if (top + dy < 0) continue;
        const T* at = samples + (long long)(top + dy) * width;
        // Nothing is added to a sample that stands alone: x + 0 is x.
        pairs[dy] = (left < 0 ? 0.0f : (float)at[left]) + (float)at[left + 1];
    }
    means[(long long)row * half_width + column] = 0.25f * (pairs[0] + pairs[1]);
}

extern "C" __global__ void __launch_bounds__(256) halve_u8(const unsigned char* samples, int width, int height, float* means) {
    halve(samples, width, height, means);
}

extern "C" __global__ void __launch_bounds__(256) halve_u16(const unsigned short* samples, int width, int height, float* means) {
    halve(samples, width, height, means);
}

extern "C" __global__ void __launch_bounds__(256) halve_f32(const float* samples, int width, int height, float* means) {
    halve(samples, width, height, means);
}
