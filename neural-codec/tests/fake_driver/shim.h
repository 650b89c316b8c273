// What a kernel expects of CUDA C++, for a host compiler: the same .cu runs block by block on fibres.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "fibres.h"

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) int4 {
    int x, y, z, w;
};

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

inline void __syncthreads() { fibres::pause(fibres::Wait::Block); }
inline void __syncwarp() { fibres::pause(fibres::Wait::Warp); }

// Every lane of the warp calls, as the full mask says.
template <class T>
T __shfl_down_sync(unsigned, T value, int distance) {
    static_assert(sizeof(T) <= 8);
    unsigned thread = fibres::running;
    memcpy(&fibres::shown[thread], &value, sizeof(T));
    fibres::pause(fibres::Wait::Warp);
    T other = value;
    if (thread % 32 + distance < 32) memcpy(&other, &fibres::shown[thread + distance], sizeof(T));
    fibres::pause(fibres::Wait::Warp);
    return other;
}

template <class T>
T atomicAdd(T* to, T value) {
    T before = *to;
    *to += value;
    return before;
}

inline int byte_of(int word, int index) { return (int8_t)(word >> (8 * index)); }
inline int half_of(int word, int index) { return (int16_t)(word >> (16 * index)); }

inline int __dp2a_lo(int a, int b, int sum) { return half_of(a, 0) * byte_of(b, 0) + half_of(a, 1) * byte_of(b, 1) + sum; }
inline int __dp2a_hi(int a, int b, int sum) { return half_of(a, 0) * byte_of(b, 2) + half_of(a, 1) * byte_of(b, 3) + sum; }

inline unsigned __dp4a(unsigned a, unsigned b, unsigned sum) {
    for (int i = 0; i < 4; i++) sum += (a >> (8 * i) & 255) * (b >> (8 * i) & 255);
    return sum;
}

inline unsigned __vabsdiffu4(unsigned a, unsigned b) {
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        int difference = (int)(a >> (8 * i) & 255) - (int)(b >> (8 * i) & 255);
        result |= (unsigned)abs(difference) << (8 * i);
    }
    return result;
}
