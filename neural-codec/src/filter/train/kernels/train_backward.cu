// Training, backward: from the squared error to the gradient of every parameter. No atomics: the same every time.

// The weighted squared error, and its gradient by what the last layer gives.
//
// in   residual         [batch][6][side][side]
//      decoded, source  [patches][6][66][66]
//      weights, chroma  [patches]: weight of a patch's error, and of its U and V against its luma
// out  back    as residual
//      losses  [batch][6] weighted
// launch       grid (6, batch), blocks of 256 threads
extern "C" __global__ void __launch_bounds__(256)
train_loss(const float* residual, int side, const short* decoded, const short* source, const float* weights,
           const float* chroma, const int* chosen, float* back, double* losses) {
    int channel = blockIdx.x, patch = chosen[blockIdx.y], margin = (TRAIN_PATCH - side) / 2;
    float share = channel < 4 ? 1.0f : chroma[patch], weight = weights[patch];
    long long plane = ((long long)patch * TRAIN_CHANNELS + channel) * TRAIN_PATCH * TRAIN_PATCH;
    long long first = ((long long)blockIdx.y * TRAIN_CHANNELS + channel) * side * side;
    double total = 0.0;
    for (int at = threadIdx.x; at < side * side; at += blockDim.x) {
        long long site = plane + (long long)(at / side + margin) * TRAIN_PATCH + at % side + margin;
        float error = (float)(decoded[site] - source[site]) / 4096.0f + residual[first + at];
        back[first + at] = 2.0f * weight * share * error;
        total += (double)(share * error * error);
    }
    total = train_sum(total);
    if (threadIdx.x == 0) losses[blockIdx.y * TRAIN_CHANNELS + channel] = total * (double)weight;
}

// Through activation and gain: from the gradient of what a layer gives to that of its sums.
//
// in   back, sums  [batch][outputs][side][side]; others as for train_forward
// out  slopes      likewise
//      gradient    from `by_gain_at` on [batch][outputs][2]: the gradients of gain and offset of each patch
// launch           grid (outputs, batch), blocks of 256 threads
extern "C" __global__ void __launch_bounds__(256)
train_slopes(const float* back, const float* sums, int side, const float* parameters, int outputs, int gains_start,
             int set_length, int gain_kinds, const int* kinds, const int* sets, const int* chosen, float leak,
             float* slopes, int by_gain_at, float* gradient) {
    int output = blockIdx.x, patch = chosen[blockIdx.y];
    int at_gain = gain_at(Gains{gains_start, set_length, gain_kinds}, kinds[patch], sets[patch], outputs) + output;
    float gain = parameters[at_gain], offset = parameters[at_gain + gain_kinds * outputs];
    long long first = ((long long)blockIdx.y * outputs + output) * side * side;
    double gain_slope = 0.0, offset_slope = 0.0;
    for (int at = threadIdx.x; at < side * side; at += blockDim.x) {
        float sum = sums[first + at];
        float slope = back[first + at] * (fmaf(sum, gain, offset) < 0.0f ? leak : 1.0f);
        slopes[first + at] = slope * gain;
        gain_slope += (double)(slope * sum);
        offset_slope += (double)slope;
    }
    gain_slope = train_sum(gain_slope);
    offset_slope = train_sum(offset_slope);
    if (threadIdx.x == 0) {
        int place = by_gain_at + (blockIdx.y * outputs + output) * 2;
        gradient[place] = (float)gain_slope;
        gradient[place + 1] = (float)offset_slope;
    }
}

// The gradient of a layer's weights, summed over the batch.
//
// `adds`         0 for the first part of a batch, whose sums replace what is there; else they are added
// in   input     [batch][inputs][side + 2][side + 2], what the layer was given
//      slopes    [batch][outputs][side][side]
// out  gradient  all parameters; written from `weights_at` on, shape [outputs][inputs][3][3]
// launch         grid (inputs, outputs), blocks of 256 threads
extern "C" __global__ void __launch_bounds__(256)
train_weights(const float* input, const float* slopes, int batch, int side, int weights_at, int adds, float* gradient) {
    int i = blockIdx.x, inputs = gridDim.x, o = blockIdx.y, outputs = gridDim.y, wide = side + 2;
    float sums[9] = {};
    for (int item = 0; item < batch; item++) {
        const float* plane = input + ((long long)item * inputs + i) * wide * wide;
        const float* slope = slopes + ((long long)item * outputs + o) * side * side;
        for (int at = threadIdx.x; at < side * side; at += blockDim.x) {
            const float* corner = plane + at / side * wide + at % side;
#pragma unroll
            for (int tap = 0; tap < 9; tap++) sums[tap] = fmaf(slope[at], corner[tap / 3 * wide + tap % 3], sums[tap]);
        }
    }
    for (int tap = 0; tap < 9; tap++) {
        float sum = (float)train_sum((double)sums[tap]);
        if (threadIdx.x > 0) continue;
        float* place = gradient + weights_at + (o * inputs + i) * 9 + tap;
        *place = adds ? *place + sum : sum;
    }
}

// From the gradient of a layer's sums to that of what it was given.
//
// in   slopes  [batch][outputs][side][side]
// out  back    [batch][inputs][side + 2][side + 2]
// launch       grid (columns / 32, rows / 16, batch x inputs / 8), blocks of 32 x 8 threads
extern "C" __global__ void __launch_bounds__(256)
train_back(const float* slopes, int outputs, int side, const float* parameters, int weights_at, int inputs, float* back) {
    int groups = (inputs + TRAIN_OUTPUTS - 1) / TRAIN_OUTPUTS, wide = side + 2;
    int item = blockIdx.z / groups, first = blockIdx.z % groups * TRAIN_OUTPUTS;
    float found[2][TRAIN_OUTPUTS] = {};
    const float* planes = slopes + (long long)item * outputs * side * side;
    train_convolve<2, true>(planes, outputs, side, parameters + weights_at, inputs, first, found);
    int x = blockIdx.x * TRAIN_COLUMNS + threadIdx.x;
    for (int half = 0; half < 2; half++) {
        int y = blockIdx.y * TRAIN_ROWS + threadIdx.y + 8 * half;
        if (x >= wide || y >= wide) continue;
        for (int k = 0; k < TRAIN_OUTPUTS && first + k < inputs; k++) {
            back[(((long long)item * inputs + first + k) * wide + y) * wide + x] = found[half][k];
        }
    }
}
