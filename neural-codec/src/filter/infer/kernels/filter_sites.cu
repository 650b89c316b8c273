// The sites of a 4:2:0 picture, as activations: what the first layer of a filter reads.
//
// in   y, u, v  planes; luma of luma_height x luma_width, chroma half of that, rounded up
// out  sites    [4][rows + 2 border][columns + 2 border] pairs of channels, the first in the low 16 bits:
//               two luma samples of the upper row, two of the lower, U and V, and zeros that fill the last group of four
// launch        blocks of 32 x 8 threads over the extended sites; outside the picture the nearest site is repeated

struct Picture {
    int luma_width, luma_height, columns, rows;
};

__device__ inline Picture picture_of(int luma_width, int luma_height) {
    return Picture{luma_width, luma_height, (luma_width + 1) / 2, (luma_height + 1) / 2};
}

__device__ inline int clamp_to(int value, int low, int high) { return min(max(value, low), high); }

// Two activations in one word.
__device__ inline int pair_of(int low, int high) { return (low & 0xffff) | (high << 16); }

template <class T>
__device__ void filter_sites(const T* luma, const T* u, const T* v, int luma_width, int luma_height, int border,
                             int shift, int* sites) {
    Picture picture = picture_of(luma_width, luma_height);
    int width = picture.columns + 2 * border, height = picture.rows + 2 * border;
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= height) return;
    int x = clamp_to(column - border, 0, picture.columns - 1), y = clamp_to(row - border, 0, picture.rows - 1);
    int left = 2 * x, right = min(2 * x + 1, luma_width - 1);
    long long at = (long long)row * width + column, plane = (long long)width * height;
    for (int dy = 0; dy < 2; dy++) {
        const T* line = luma + (long long)min(2 * y + dy, luma_height - 1) * luma_width;
        sites[dy * plane + at] = pair_of(((int)line[left] << shift) - 8192, ((int)line[right] << shift) - 8192);
    }
    long long chroma = (long long)y * picture.columns + x;
    sites[2 * plane + at] = pair_of(((int)u[chroma] << shift) - 8192, ((int)v[chroma] << shift) - 8192);
    sites[3 * plane + at] = 0;
}

extern "C" __global__ void __launch_bounds__(256)
filter_sites_u8(const unsigned char* luma, const unsigned char* u, const unsigned char* v, int luma_width,
                int luma_height, int border, int shift, int* sites) {
    filter_sites(luma, u, v, luma_width, luma_height, border, shift, sites);
}

extern "C" __global__ void __launch_bounds__(256)
filter_sites_u16(const unsigned short* luma, const unsigned short* u, const unsigned short* v, int luma_width,
                 int luma_height, int border, int shift, int* sites) {
    filter_sites(luma, u, v, luma_width, luma_height, border, shift, sites);
}
