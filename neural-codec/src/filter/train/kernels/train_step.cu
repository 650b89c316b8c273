// Training, around a gradient: what a step begins with, the whole gradient, and the step itself. The host is not asked.
//
// state  [2]: steps begun, and whether the gradient of any was not a number; such a step moves nothing

// The start of a step: the parameters that its loss is taken at, its patches and its rates.
//
// in   parameters  [count]
//      points      [count], not read where the rule is free
//      picks       [steps][batch] indices of patches
//      rates       [steps][4]: rates of weights and of gains, what both moments are divided by
// out  seen        [count], rounded where the rule says so
//      chosen      [batch]
//      now         [4], the rates of this step
// launch           grid (count / 256), blocks of 256 threads
extern "C" __global__ void __launch_bounds__(256)
train_begin(const float* parameters, int count, int rule, const TrainPoint* points, const int* picks, const float* rates,
            int batch, int* state, float* seen, int* chosen, float* now) {
    int at = blockIdx.x * TRAIN_THREADS + threadIdx.x;
    if (at < count) seen[at] = rule == TRAIN_ROUNDED ? train_nearest(points[at], parameters[at]) : parameters[at];
    if (blockIdx.x > 0) return;
    int step = state[0];
    __syncthreads();
    for (int item = threadIdx.x; item < batch; item += TRAIN_THREADS) chosen[item] = picks[(long long)step * batch + item];
    if (threadIdx.x < 4) now[threadIdx.x] = rates[4ll * step + threadIdx.x];
    if (threadIdx.x == 0) state[0] = step + 1;
}

// Where the gradients of one gain or offset lie: those of the patches that it was used for are added up.
struct GainPlace {
    // That of the first patch of the batch, and values from patch to patch.
    int first, stride;
    // The kind of frame that it is for, and the kinds that its layer tells apart.
    int kind, kinds;
};

// The mean gradient of a batch.
//
// in   found         weights, summed over the batch; then what `places` says, by patch
//      places        [set_length] for each value of a set
//      kinds, sets   [patches]
//      chosen        [batch]
// out  total         [count]
//      squares       [blocks], the sum of the squares of each block's slopes
// launch             grid (count / 256), blocks of 256 threads
extern "C" __global__ void __launch_bounds__(256)
train_total(const float* found, int weights, int set_length, int count, const GainPlace* places, const int* kinds,
            const int* sets, const int* chosen, int batch, float* total, double* squares) {
    int at = blockIdx.x * TRAIN_THREADS + threadIdx.x;
    float slope = 0.0f;
    if (at < weights) {
        slope = found[at];
    } else if (at < count) {
        int set = (at - weights) / set_length;
        GainPlace place = places[(at - weights) % set_length];
        for (int item = 0; item < batch; item++) {
            int patch = chosen[item];
            bool is_used = sets[patch] == set && min(kinds[patch], place.kinds - 1) == place.kind;
            if (is_used) slope += found[place.first + item * place.stride];
        }
    }
    slope /= (float)batch;
    if (at < count) total[at] = slope;
    double sum = train_sum((double)slope * (double)slope);
    if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

// One step of Adam (Kingma and Ba 2015, algorithm 1) by a gradient no longer than `longest`, and what the rule does after it.
// Every block finds the length anew, in the same order.
//
// in   total     [count], squares [gridDim.x] of train_total
//      now       [4] of train_begin
//      losses    [items] of train_loss; they are added to `loss` from step `counted_from` on
// in and out     parameters, mean, square [count]; state; loss [1], the sum of the mean losses
// launch         that of train_total
extern "C" __global__ void __launch_bounds__(256)
train_adam(const float* total, const double* squares, int weights, int count, float longest, const float* now, int rule,
           const TrainPoint* points, float price, float* parameters, float* mean, float* square, const double* losses,
           int items, int batch, int counted_from, int* state, double* loss) {
    double sum = 0.0;
    for (int block = threadIdx.x; block < gridDim.x; block += TRAIN_THREADS) sum += squares[block];
    float length = (float)sqrt(train_sum(sum));
    // Infinite, or not a number.
    if (!(length <= 3.402823466e38f)) {
        if (threadIdx.x == 0) state[1] = 1;
        return;
    }
    int at = blockIdx.x * TRAIN_THREADS + threadIdx.x;
    if (at < count) {
        float slope = total[at];
        if (length > longest) slope *= longest / length;
        float middle = mean[at], spread = square[at];
        middle += (1.0f - 0.9f) * (slope - middle);
        spread += (1.0f - 0.99f) * (slope * slope - spread);
        mean[at] = middle;
        square[at] = spread;
        float reach = (at < weights ? now[0] : now[1]) / (sqrtf(spread / now[3]) + 1e-8f);
        float parameter = parameters[at] - reach * middle / now[2];
        if (rule != TRAIN_FREE) parameter = train_project(rule, points[at], price, parameter, reach);
        parameters[at] = parameter;
    }
    if (blockIdx.x > 0 || state[0] <= counted_from) return;
    sum = 0.0;
    for (int item = threadIdx.x; item < items; item += TRAIN_THREADS) sum += losses[item];
    sum = train_sum(sum);
    if (threadIdx.x == 0) *loss += sum / batch;
}
