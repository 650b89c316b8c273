// Training, forward: the chosen patches as floats, then layer by layer.

// The decoded samples of the chosen patches. Units: 1 is 4096 of an integer activation.
//
// in   decoded  [patches][6][66][66]
//      chosen   [batch] indices of patches
// out  input    [batch][6][66][66]
// launch        grid (anything, batch), blocks of 256 threads
extern "C" __global__ void __launch_bounds__(256) train_gather(const short* decoded, const int* chosen, float* input) {
    const int size = TRAIN_CHANNELS * TRAIN_PATCH * TRAIN_PATCH;
    const short* from = decoded + (long long)chosen[blockIdx.y] * size;
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < size; at += gridDim.x * blockDim.x) {
        input[(long long)blockIdx.y * size + at] = (float)from[at] / 4096.0f;
    }
}

// One layer: sums, then gain, offset and activation.
//
// in   input       [batch][inputs][side][side]
//      parameters  all of them; weights of the layer begin at `weights_at`
//      kinds, sets [patches]: kind of frame and set of gains of each patch
// out  sums, active  [batch][outputs][side - 2][side - 2], before and after gain, offset and activation of slope `leak`
// launch           grid (columns / 32, rows / 16, batch x outputs / 8), blocks of 32 x 8 threads
extern "C" __global__ void __launch_bounds__(256)
train_forward(const float* input, int inputs, int side, const float* parameters, int weights_at, int outputs,
              int gains_start, int set_length, int gain_kinds, const int* kinds, const int* sets, const int* chosen,
              float leak, float* sums, float* active) {
    int groups = (outputs + TRAIN_OUTPUTS - 1) / TRAIN_OUTPUTS, rows = side - 2;
    int item = blockIdx.z / groups, first = blockIdx.z % groups * TRAIN_OUTPUTS;
    float found[2][TRAIN_OUTPUTS] = {};
    const float* planes = input + (long long)item * inputs * side * side;
    train_convolve<0, false>(planes, inputs, side, parameters + weights_at, outputs, first, found);
    int patch = chosen[item];
    int gain = gain_at(Gains{gains_start, set_length, gain_kinds}, kinds[patch], sets[patch], outputs);
    int offset = gain + gain_kinds * outputs;
    int x = blockIdx.x * TRAIN_COLUMNS + threadIdx.x;
    for (int half = 0; half < 2; half++) {
        int y = blockIdx.y * TRAIN_ROWS + threadIdx.y + 8 * half;
        if (x >= rows || y >= rows) continue;
        for (int k = 0; k < TRAIN_OUTPUTS && first + k < outputs; k++) {
            long long at = (((long long)item * outputs + first + k) * rows + y) * rows + x;
            float z = fmaf(found[half][k], parameters[gain + first + k], parameters[offset + first + k]);
            sums[at] = found[half][k];
            active[at] = fmaxf(z, z * leak);
        }
    }
}
