// The threads of a block as fibres: each runs until it ends or waits for its warp or its block.
//
// Threads of odd blocks run in reverse order, so that what depends on an order that nobody promised gives two results.
// A fibre is made once and serves block after block; switches are jumps, which cost no call of the system.
#pragma once

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <vector>

struct Index {
    unsigned x, y, z;
};
Index threadIdx, blockIdx, blockDim, gridDim;

namespace fibres {

enum class Wait { None, Warp, Block, Ended };

struct Fibre {
    jmp_buf place;
    ucontext_t fresh;
    bool exists = false, entered = false;
    Wait wait = Wait::Ended;
};

constexpr size_t STACK = 256 * 1024;
std::vector<Fibre> all(1024);
jmp_buf scheduler;
unsigned running;
void (*body)(void*);
void* argument;
// What each lane of each warp shows the others in a shuffle.
unsigned long long shown[1024];

void pause(Wait wait) {
    all[running].wait = wait;
    if (!_setjmp(all[running].place)) _longjmp(scheduler, 1);
}

void enter() {
    for (;;) {
        body(argument);
        pause(Wait::Ended);
    }
}

void start(unsigned thread) {
    Fibre& fibre = all[thread];
    fibre.wait = Wait::None;
    if (fibre.exists) return;
    void* stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    getcontext(&fibre.fresh);
    fibre.fresh.uc_stack.ss_sp = stack;
    fibre.fresh.uc_stack.ss_size = STACK;
    fibre.fresh.uc_link = nullptr;
    makecontext(&fibre.fresh, enter, 0);
    fibre.exists = true;
}

void resume(unsigned thread) {
    running = thread;
    threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / blockDim.x / blockDim.y};
    if (_setjmp(scheduler)) return;
    if (all[thread].entered) _longjmp(all[thread].place, 1);
    all[thread].entered = true;
    setcontext(&all[thread].fresh);
}

// Lets threads from..to go on where all of them wait alike. False where some wait otherwise.
bool release(unsigned from, unsigned to, Wait wait) {
    for (unsigned thread = from; thread < to; thread++) {
        if (all[thread].wait != wait) return false;
    }
    for (unsigned thread = from; thread < to; thread++) all[thread].wait = Wait::None;
    return true;
}

// Runs one block. False where threads wait for others that never come, which hangs or is undefined on a GPU.
bool run_block(unsigned threads, bool reverse) {
    for (unsigned thread = 0; thread < threads; thread++) start(thread);
    for (;;) {
        bool ended = true;
        for (unsigned at = 0; at < threads; at++) {
            unsigned thread = reverse ? threads - 1 - at : at;
            if (all[thread].wait == Wait::None) resume(thread);
            ended &= all[thread].wait == Wait::Ended;
        }
        if (ended) return true;
        bool moved = release(0, threads, Wait::Block);
        for (unsigned warp = 0; warp < threads; warp += 32) {
            moved |= release(warp, warp + 32 < threads ? warp + 32 : threads, Wait::Warp);
        }
        if (!moved) {
            // These fibres stay where they are for good.
            for (Fibre& fibre : all) fibre.exists = fibre.entered = false;
            return false;
        }
    }
}

}  // namespace fibres
