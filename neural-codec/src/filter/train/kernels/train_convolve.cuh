// A 3x3 convolution of planes of floats, for training: a block of 32 x 8 threads makes 32 x 16 places of 8 outputs.
//
// Products are fused with their sums here (fmaf): training may round otherwise than the CPU, which rounds by instruction set.

#define TRAIN_COLUMNS 32
#define TRAIN_ROWS 16
#define TRAIN_OUTPUTS 8
#define TRAIN_THREADS 256

// Side of a patch, in sites, and channels of a site.
#define TRAIN_PATCH 66
#define TRAIN_CHANNELS 6

// Adds to `sums[r][k]`, of row threadIdx.y + 8 r and output `first` + k, what `inputs` square planes of side `side` give.
// The planes are continued by PAD zeros on every side. MIRRORED takes weights of shape [inputs][outputs][3][3] from their last
// tap to their first, which is the way back from outputs to inputs; else their shape is [outputs][inputs][3][3].
template <int PAD, bool MIRRORED>
__device__ void train_convolve(const float* planes, int inputs, int side, const float* weights, int outputs, int first,
                               float (&sums)[2][TRAIN_OUTPUTS]) {
    __shared__ float tile[TRAIN_ROWS + 2][TRAIN_COLUMNS + 2];
    __shared__ __align__(16) float taps[9][TRAIN_OUTPUTS];
    int thread = threadIdx.y * TRAIN_COLUMNS + threadIdx.x;
    int left = blockIdx.x * TRAIN_COLUMNS - PAD, top = blockIdx.y * TRAIN_ROWS - PAD;
    for (int input = 0; input < inputs; input++) {
        __syncthreads();
        for (int at = thread; at < (TRAIN_ROWS + 2) * (TRAIN_COLUMNS + 2); at += TRAIN_THREADS) {
            int row = at / (TRAIN_COLUMNS + 2), column = at % (TRAIN_COLUMNS + 2), y = top + row, x = left + column;
            bool inside = y >= 0 && x >= 0 && y < side && x < side;
            tile[row][column] = inside ? planes[((long long)input * side + y) * side + x] : 0.0f;
        }
        if (thread < 9 * TRAIN_OUTPUTS) {
            int tap = thread / TRAIN_OUTPUTS, output = first + thread % TRAIN_OUTPUTS;
            int at = MIRRORED ? (input * outputs + output) * 9 + 8 - tap : (output * inputs + input) * 9 + tap;
            taps[tap][thread % TRAIN_OUTPUTS] = output < outputs ? weights[at] : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int tap = 0; tap < 9; tap++) {
            float upper = tile[threadIdx.y + tap / 3][threadIdx.x + tap % 3];
            float lower = tile[threadIdx.y + 8 + tap / 3][threadIdx.x + tap % 3];
#pragma unroll
            for (int k = 0; k < TRAIN_OUTPUTS; k++) {
                sums[0][k] = fmaf(upper, taps[tap][k], sums[0][k]);
                sums[1][k] = fmaf(lower, taps[tap][k], sums[1][k]);
            }
        }
    }
}

// Where the gains of a patch lie among the parameters: weights of all layers come first, then sets of gains and offsets.
struct Gains {
    // Index of the set's first value of this layer, for set 0; floats from set to set.
    int start, set_length;
    // Kinds of frames that the layer tells apart.
    int kinds;
};

__device__ inline int gain_at(Gains gains, int kind, int set, int outputs) {
    return gains.start + set * gains.set_length + min(kind, gains.kinds - 1) * outputs;
}

// Sum of a value over 256 threads, in every thread, always in the same order.
__device__ inline double train_sum(double value) {
    __shared__ double partial[TRAIN_THREADS];
    __syncthreads();
    partial[threadIdx.x] = value;
    __syncthreads();
    for (int half = TRAIN_THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
        __syncthreads();
    }
    return partial[0];
}
