// One layer of a filter: a 3x3 convolution in integers, then shift, gain, offset and activation (docs/BITSTREAM.md).
//
// in   input    [2 input_groups][height][width] pairs of channels; a group is four channels
//      weights  [outputs / 8][input_groups][9][8] words of four int8, the first channel in the low byte
//      scales   [kinds][outputs] of shift, gain, offset, 0; the row of the frame's kind is given
// out  output   [outputs / 2][height - 2][width - 2] pairs of channels; outputs is a multiple of 8
// launch        grid (columns / 32, rows / 16, outputs / 8), blocks of 32 x 4 threads; a thread makes 4 rows of 8 outputs
//
// No order of additions can leave 32 bits: the sum of all magnitudes does not.

#define LAYER_COLUMNS 32
#define LAYER_ROWS 16
#define LAYER_OUTPUTS 8
#define LAYER_ROWS_A_THREAD 4

// Adds the products of two pairs of activations and four weights.
__device__ inline int add_products(int low_pair, int high_pair, int weights, int sum) {
    return __dp2a_hi(high_pair, weights, __dp2a_lo(low_pair, weights, sum));
}

__device__ inline int clamp16(int value) { return min(max(value, -32768), 32767); }

__device__ inline int scaled(int sum, int4 scale, int is_last) {
    int half = (1 << scale.x) >> 1;
    int z = clamp16((sum + half) >> scale.x);
    z = clamp16(((z * scale.y + 2048) >> 12) + scale.z);
    return is_last ? z : max(z, z >> 3);
}

extern "C" __global__ void __launch_bounds__(128)
filter_layer(const int* input, int input_groups, int width, int height, const int* weights, const int4* scales,
             int is_last, int* output) {
    __shared__ int tile[2][LAYER_ROWS + 2][LAYER_COLUMNS + 2];
    __shared__ __align__(16) int taps[9 * LAYER_OUTPUTS];
    int thread = threadIdx.y * LAYER_COLUMNS + threadIdx.x;
    int left = blockIdx.x * LAYER_COLUMNS, top = blockIdx.y * LAYER_ROWS;
    int first = threadIdx.y * LAYER_ROWS_A_THREAD;
    int sums[LAYER_OUTPUTS][LAYER_ROWS_A_THREAD] = {};
    for (int group = 0; group < input_groups; group++) {
        __syncthreads();
        for (int at = thread; at < 2 * (LAYER_ROWS + 2) * (LAYER_COLUMNS + 2); at += 128) {
            int column = at % (LAYER_COLUMNS + 2), line = at / (LAYER_COLUMNS + 2);
            int row = line % (LAYER_ROWS + 2), pair = line / (LAYER_ROWS + 2);
            bool inside = left + column < width && top + row < height;
            long long place = ((long long)(2 * group + pair) * height + top + row) * width + left + column;
            tile[pair][row][column] = inside ? input[place] : 0;
        }
        if (thread < 9 * LAYER_OUTPUTS) {
            taps[thread] = weights[(blockIdx.z * input_groups + group) * 9 * LAYER_OUTPUTS + thread];
        }
        __syncthreads();
#pragma unroll
        for (int dx = 0; dx < 3; dx++) {
            int low[LAYER_ROWS_A_THREAD + 2], high[LAYER_ROWS_A_THREAD + 2];
#pragma unroll
            for (int row = 0; row < LAYER_ROWS_A_THREAD + 2; row++) {
                low[row] = tile[0][first + row][threadIdx.x + dx];
                high[row] = tile[1][first + row][threadIdx.x + dx];
            }
#pragma unroll
            for (int dy = 0; dy < 3; dy++) {
#pragma unroll
                for (int o = 0; o < LAYER_OUTPUTS; o++) {
                    int weight = taps[(dy * 3 + dx) * LAYER_OUTPUTS + o];
#pragma unroll
                    for (int row = 0; row < LAYER_ROWS_A_THREAD; row++) {
                        sums[o][row] = add_products(low[row + dy], high[row + dy], weight, sums[o][row]);
                    }
                }
            }
        }
    }
    int column = left + threadIdx.x;
    if (column >= width - 2) return;
#pragma unroll
    for (int pair = 0; pair < LAYER_OUTPUTS / 2; pair++) {
        int4 even = scales[blockIdx.z * LAYER_OUTPUTS + 2 * pair], odd = scales[blockIdx.z * LAYER_OUTPUTS + 2 * pair + 1];
#pragma unroll
        for (int r = 0; r < LAYER_ROWS_A_THREAD; r++) {
            int row = top + first + r;
            if (row >= height - 2) continue;
            int low = scaled(sums[2 * pair][r], even, is_last), high = scaled(sums[2 * pair + 1][r], odd, is_last);
            long long plane = blockIdx.z * (LAYER_OUTPUTS / 2) + pair;
            output[(plane * (height - 2) + row) * (width - 2) + column] = pair_of(low, high);
        }
    }
}
