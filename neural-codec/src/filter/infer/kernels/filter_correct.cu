// Adds what the last layer of a filter gives to the samples of a 4:2:0 picture, where its block map says so.
//
// in   residual  [>= 3][rows][columns] pairs of channels, as filter_sites has them
//      y, u, v   the decoded planes
//      blocks    [block rows][block_columns]: 1 where a block of 64 x 64 luma samples is filtered
// out  to_y, to_u, to_v  planes of the same sizes
// launch         blocks of 32 x 8 threads over the sites

template <class T>
__device__ T corrected(T sample, int residual, int shift) {
    int most = (1 << (14 - shift)) - 1;
    return (T)clamp_to((int)sample + ((residual + (1 << (shift - 1))) >> shift), 0, most);
}

__device__ inline int low_of(int pair) { return (int)(short)(pair & 0xffff); }
__device__ inline int high_of(int pair) { return pair >> 16; }

template <class T>
__device__ void filter_correct(const int* residual, const T* luma, const T* u, const T* v, int luma_width,
                               int luma_height, int shift, const unsigned char* blocks, int block_columns, T* to_luma,
                               T* to_u, T* to_v) {
    Picture picture = picture_of(luma_width, luma_height);
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= picture.columns || y >= picture.rows) return;
    bool filtered = blocks[y / 32 * block_columns + x / 32] != 0;
    long long site = (long long)y * picture.columns + x, plane = (long long)picture.columns * picture.rows;
    for (int dy = 0; dy < 2; dy++) {
        int pair = filtered ? residual[dy * plane + site] : 0;
        if (2 * y + dy >= luma_height) continue;
        for (int dx = 0; dx < 2; dx++) {
            if (2 * x + dx >= luma_width) continue;
            long long at = (long long)(2 * y + dy) * luma_width + 2 * x + dx;
            to_luma[at] = filtered ? corrected(luma[at], dx == 0 ? low_of(pair) : high_of(pair), shift) : luma[at];
        }
    }
    int pair = filtered ? residual[2 * plane + site] : 0;
    to_u[site] = filtered ? corrected(u[site], low_of(pair), shift) : u[site];
    to_v[site] = filtered ? corrected(v[site], high_of(pair), shift) : v[site];
}

extern "C" __global__ void __launch_bounds__(256)
filter_correct_u8(const int* residual, const unsigned char* luma, const unsigned char* u, const unsigned char* v,
                  int luma_width, int luma_height, int shift, const unsigned char* blocks, int block_columns,
                  unsigned char* to_luma, unsigned char* to_u, unsigned char* to_v) {
    filter_correct(residual, luma, u, v, luma_width, luma_height, shift, blocks, block_columns, to_luma, to_u, to_v);
}

extern "C" __global__ void __launch_bounds__(256)
filter_correct_u16(const int* residual, const unsigned short* luma, const unsigned short* u, const unsigned short* v,
                   int luma_width, int luma_height, int shift, const unsigned char* blocks, int block_columns,
                   unsigned short* to_luma, unsigned short* to_u, unsigned short* to_v) {
    filter_correct(residual, luma, u, v, luma_width, luma_height, shift, blocks, block_columns, to_luma, to_u, to_v);
}
