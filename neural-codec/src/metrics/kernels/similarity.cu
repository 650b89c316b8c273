// Sums of the maps of SSIM and of its contrast factor, tile by tile.
//
// The same operations in the same order as metrics/gaussian.rs, none of them fused (the module is compiled without
// contraction), so the sums are the CPU's to the last bit.
//
// in   x, y   [height][width] samples each, of `bytes` bytes: 1 and 2 are whole numbers, 4 is a float
// out  sums   [bands][tiles][2]: SSIM, contrast; a band is 32 rows of the map, a tile 128 columns of it
// launch      grid (tiles, bands), blocks of 160 threads: one input column each, 138 of them in use

#define SIM_TAPS 11
#define SIM_BAND 32
#define SIM_COLUMNS 128
#define SIM_LANES 16
#define SIM_THREADS 160
// Rows of a band that its center is taken from: every fourth of up to 42.
#define SIM_CENTRE_ROWS 11

// From the edge of the window to its center: exp(-k^2 / (2 * 1.5^2)), normalized so that 11 taps sum to 1.
#define SIM_W0 0.0010283801f
#define SIM_W1 0.007598758f
#define SIM_W2 0.036000773f
#define SIM_W3 0.10936069f
#define SIM_W4 0.21300554f
#define SIM_W5 0.26601171f

// Weighted sum of 11 taps; the window is symmetric, so pairs share a weight.
#define SIM_WEIGH(tap)                                                                       \
    (((SIM_W0 * (tap(0) + tap(10)) + SIM_W1 * (tap(1) + tap(9))) +                           \
      (SIM_W2 * (tap(2) + tap(8)) + SIM_W3 * (tap(3) + tap(7)))) +                           \
     (SIM_W4 * (tap(4) + tap(6)) + SIM_W5 * tap(5)))

// A sample as a float. One kernel serves all types, because the compiler unrolls so much of it; all threads go the same way.
__device__ inline float sample_at(const void* samples, int bytes, long long at) {
    if (bytes == 1) return (float)((const unsigned char*)samples)[at];
    if (bytes == 2) return (float)((const unsigned short*)samples)[at];
    return ((const float*)samples)[at];
}

// A whole number near the mean of x + y over every fourth row of the tile, summed in 16 lanes.
__device__ float similarity_centre(const void* x, const void* y, int bytes, long long start, int width, int rows,
                                   int columns) {
    __shared__ float read[SIM_CENTRE_ROWS][SIM_COLUMNS];
    __shared__ float lanes[SIM_LANES];
    int column = threadIdx.x, used = (rows + 3) / 4;
    for (int row = 0; row < used; row++) {
        long long at = start + (long long)row * 4 * width + column;
        if (column < columns) read[row][column] = sample_at(x, bytes, at) + sample_at(y, bytes, at);
    }
    __syncthreads();
    if (threadIdx.x < SIM_LANES) {
        float sum = 0.0f;
        for (int row = 0; row < used; row++) {
            for (int at = threadIdx.x; at < columns; at += SIM_LANES) sum += read[row][at];
        }
        lanes[threadIdx.x] = sum;
    }
    __syncthreads();
    float sum = 0.0f;
    for (int lane = 0; lane < SIM_LANES; lane++) sum += lanes[lane];
    return roundf(sum / (float)(used * columns));
}

// Factors of SSIM at one place, from blurred fields: u = x + y - center, v = x - y, and their squares.
struct Factors {
    float ssim, contrast;
};

__device__ inline Factors similarity_at(float u, float v, float uu, float vv, float center, float c1, float c2) {
    float square_u = u * u, square_v = v * v;
    float variance_u = uu - square_u, variance_v = vv - square_v;
    float covariance = (variance_u - variance_v) + c2;
    float variance = (variance_u + variance_v) + c2;
    float mean = u + center;
    float luminance = (mean * mean - square_v) + c1;
    float bound = (mean * mean + square_v) + c1;
    return Factors{(luminance * covariance) / (bound * variance), covariance / variance};
}

extern "C" __global__ void __launch_bounds__(SIM_THREADS)
similarity(const void* x, const void* y, int bytes, int width, int height, float c1, float c2, double* sums) {
    // Two of each, so that a row is written while the one before is read.
    __shared__ float blurred[2][4][SIM_THREADS];
    __shared__ float map[2][2][SIM_COLUMNS];
    __shared__ double totals[2][SIM_LANES];
    int first_row = blockIdx.y * SIM_BAND, first_column = blockIdx.x * SIM_COLUMNS;
    int rows = min(SIM_BAND, height - SIM_TAPS + 1 - first_row) + SIM_TAPS - 1;
    int columns = min(SIM_COLUMNS, width - SIM_TAPS + 1 - first_column);
    long long start = (long long)first_row * width + first_column;
    float center = similarity_centre(x, y, bytes, start, width, rows, columns);

    int column = threadIdx.x;
    bool reads = column < columns + SIM_TAPS - 1;
    float u[SIM_TAPS], v[SIM_TAPS], uu[SIM_TAPS], vv[SIM_TAPS];
    double total = 0.0;
    for (int base = 0; base < rows; base += SIM_TAPS) {
        // Unrolled by the taps, so that the ring's places are registers.
#pragma unroll
        for (int place = 0; place < SIM_TAPS; place++) {
            int row = base + place;
            if (row >= rows) break;
            long long at = start + (long long)row * width + column;
            float a = reads ? sample_at(x, bytes, at) : 0.0f, b = reads ? sample_at(y, bytes, at) : 0.0f;
            float sum = a + b - center, difference = a - b;
            u[place] = sum;
            v[place] = difference;
            uu[place] = sum * sum;
            vv[place] = difference * difference;
            if (row + 1 < SIM_TAPS) continue;

            int side = row % 2;
#define SIM_DOWN_U(k) u[(place + 1 + k) % SIM_TAPS]
#define SIM_DOWN_V(k) v[(place + 1 + k) % SIM_TAPS]
#define SIM_DOWN_UU(k) uu[(place + 1 + k) % SIM_TAPS]
#define SIM_DOWN_VV(k) vv[(place + 1 + k) % SIM_TAPS]
            blurred[side][0][column] = SIM_WEIGH(SIM_DOWN_U);
            blurred[side][1][column] = SIM_WEIGH(SIM_DOWN_V);
            blurred[side][2][column] = SIM_WEIGH(SIM_DOWN_UU);
            blurred[side][3][column] = SIM_WEIGH(SIM_DOWN_VV);
            __syncthreads();
            if (column < SIM_COLUMNS) {
                Factors factors = {0.0f, 0.0f};
                if (column < columns) {
#define SIM_ACROSS_U(k) blurred[side][0][column + k]
#define SIM_ACROSS_V(k) blurred[side][1][column + k]
#define SIM_ACROSS_UU(k) blurred[side][2][column + k]
#define SIM_ACROSS_VV(k) blurred[side][3][column + k]
                    factors = similarity_at(SIM_WEIGH(SIM_ACROSS_U), SIM_WEIGH(SIM_ACROSS_V),
                                            SIM_WEIGH(SIM_ACROSS_UU), SIM_WEIGH(SIM_ACROSS_VV), center, c1, c2);
                }
                map[side][0][column] = factors.ssim;
                map[side][1][column] = factors.contrast;
            }
            __syncthreads();
            // One warp adds up both maps in 16 lanes each: a row in single precision, rows in double.
            if (threadIdx.x < 2 * SIM_LANES) {
                int kind = threadIdx.x / SIM_LANES, lane = threadIdx.x % SIM_LANES;
                float row_sum = 0.0f;
                for (int at = lane; at < SIM_COLUMNS; at += SIM_LANES) row_sum += map[side][kind][at];
                total += (double)row_sum;
            }
        }
    }
    if (threadIdx.x < 2 * SIM_LANES) totals[threadIdx.x / SIM_LANES][threadIdx.x % SIM_LANES] = total;
    __syncthreads();
    if (threadIdx.x < 2) {
        double sum = 0.0;
        for (int lane = 0; lane < SIM_LANES; lane++) sum += totals[threadIdx.x][lane];
        sums[(blockIdx.y * gridDim.x + blockIdx.x) * 2 + threadIdx.x] = sum;
    }
}
