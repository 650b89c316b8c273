// Sum of squared differences of two planes, exact.
//
// in   a, b   [count] samples each, anywhere in memory
// out  sum    one number, to which every block adds; zero before the launch
// launch      blocks of 256 threads, as many as fill the device; threads step over 16 bytes at once

// Squared differences of 16 bytes of samples.
template <class T> struct Squares;

template <> struct Squares<unsigned char> {
    static __device__ unsigned int of_word(unsigned int a, unsigned int b, unsigned int sum) {
        unsigned int distance = __vabsdiffu4(a, b);
        return __dp4a(distance, distance, sum);
    }
    // At most 16 x 255^2.
    static __device__ unsigned long long of(uint4 a, uint4 b) {
        return of_word(a.x, b.x, of_word(a.y, b.y, of_word(a.z, b.z, of_word(a.w, b.w, 0))));
    }
};

template <> struct Squares<unsigned short> {
    static __device__ unsigned long long of_word(unsigned int a, unsigned int b) {
        long long low = (int)(a & 0xffff) - (int)(b & 0xffff), high = (int)(a >> 16) - (int)(b >> 16);
        return low * low + high * high;
    }
    static __device__ unsigned long long of(uint4 a, uint4 b) {
        return of_word(a.x, b.x) + of_word(a.y, b.y) + of_word(a.z, b.z) + of_word(a.w, b.w);
    }
};

template <class T>
__device__ void squared_error(const T* a, const T* b, long long count, unsigned long long* sum) {
    const int samples = 16 / sizeof(T);
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x, step = (long long)gridDim.x * blockDim.x;
    bool aligned = (((unsigned long long)a | (unsigned long long)b) & 15) == 0;
    long long vectors = aligned ? count / samples : 0;
    unsigned long long squares = 0;
    for (long long i = at; i < vectors; i += step) {
        squares += Squares<T>::of(((const uint4*)a)[i], ((const uint4*)b)[i]);
    }
    for (long long i = vectors * samples + at; i < count; i += step) {
        long long difference = (int)a[i] - (int)b[i];
        squares += difference * difference;
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) atomicAdd(sum, squares);
}

extern "C" __global__ void __launch_bounds__(256)
squared_error_u8(const unsigned char* a, const unsigned char* b, long long count, unsigned long long* sum) {
    squared_error(a, b, count, sum);
}

extern "C" __global__ void __launch_bounds__(256)
squared_error_u16(const unsigned short* a, const unsigned short* b, long long count, unsigned long long* sum) {
    squared_error(a, b, count, sum);
}
