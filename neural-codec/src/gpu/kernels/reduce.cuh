// Sums over the threads of a block. Every thread of the block calls; the block is whole warps.

// The sum of `value` over a warp, in lane 0.
__device__ inline unsigned long long warp_sum(unsigned long long value) {
    for (int distance = 16; distance > 0; distance /= 2) value += __shfl_down_sync(0xffffffffu, value, distance);
    return value;
}

// The sum of `value` over the block, in thread 0. Integers: the order of additions does not matter.
__device__ inline unsigned long long block_sum(unsigned long long value) {
    __shared__ unsigned long long sums[32];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    value = warp_sum(value);
    if (lane == 0) sums[warp] = value;
    __syncthreads();
    value = threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : 0;
    if (warp == 0) value = warp_sum(value);
    return value;
}
