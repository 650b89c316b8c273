// A fake driver for libcuda.so.1, for tests alone: one "device" that runs kernels, compiled for the host, on this thread.
//
// Memory of the device ends at a page that nobody may touch and is full of a pattern at first, so that reading past its end
// stops the test and reading what was never written gives wrong results. Calls can be made to fail.
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "shim.h"
#include KERNELS

namespace streams {
void lose(int device);
}

namespace {

enum Status { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, NO_CODE = 209, NOT_FOUND = 500, LAUNCH_FAILED = 719 };

std::recursive_mutex gate;
std::string failing;
int calls_left = -1, failure = 0;
// How many devices there are, what each failed with for good, their capability (10 x major + minor), and what their driver serves.
constexpr int MOST_DEVICES = 2;
int devices = 1, sticky[MOST_DEVICES], capability = 90, driver = 13000;
// The device that this thread works on, once it made the context of one its own.
thread_local int current = -1;
bool wrong_copies = false;
size_t memory_left = size_t(1) << 32;
std::atomic<long> allocations{0}, launches[MOST_DEVICES], copied_in{0}, copied_out{0};
// Modules that were loaded from PTX, and from machine code.
std::atomic<long> loaded[2];

// The status of a call: what it was told to fail with, or 0. A lost device stays lost.
int status(const char* call) {
    if (current >= 0 && sticky[current]) return sticky[current];
    if (calls_left >= 0 && failing == call && calls_left-- == 0) {
        if (current >= 0 && failure >= 700 && failure < 800) sticky[current] = failure, streams::lose(current);
        return failure;
    }
    return OK;
}

struct Block {
    char* map;
    size_t mapped, bytes;
    int device;
};
std::map<uint64_t, Block> blocks;

int allocate(uint64_t* pointer, size_t bytes) {
    if (bytes > memory_left) return OUT_OF_MEMORY;
    size_t page = sysconf(_SC_PAGESIZE), kept = (bytes + 15) / 16 * 16, mapped = (kept + page - 1) / page * page + page;
    char* map = (char*)mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return OUT_OF_MEMORY;
    mprotect(map + mapped - page, page, PROT_NONE);
    memset(map, 0xa5, mapped - page);
    *pointer = (uint64_t)(map + mapped - page - kept);
    blocks[*pointer] = {map, mapped, bytes, current};
    memory_left -= bytes;
    allocations++;
    return OK;
}

// Whether an address lies in a block of a device, or of the one that this thread works on.
bool is_on(int device, uint64_t address) {
    auto after = blocks.upper_bound(address);
    if (after == blocks.begin()) return false;
    const auto& [start, block] = *std::prev(after);
    return address <= start + block.bytes && block.device == device;
}
bool is_here(uint64_t address) { return is_on(current, address); }

// A context and its streams belong to a device, and work on it to the thread that made the device its own.
void* const CONTEXTS[MOST_DEVICES] = {(void*)0x100, (void*)0x110};
constexpr uint64_t STREAMS = 0x10000;
int device_of(void* stream) { return (uint64_t)stream / STREAMS - 1; }
bool is_stream_here(void* stream) { return stream == nullptr || device_of(stream) == current; }

// A kernel with its arguments, called by every fibre.
struct Call {
    void (*invoke)(void**);
    void** arguments;
};

template <auto kernel, class... A, size_t... I>
void invoke(void** arguments, void (*)(A...), std::index_sequence<I...>) {
    kernel(*(A*)arguments[I]...);
}

template <auto kernel, class... A>
void invoke(void** arguments, void (*type)(A...)) {
    invoke<kernel>(arguments, type, std::index_sequence_for<A...>());
}

struct Kernel {
    const char* name;
    void (*invoke)(void**);
    std::vector<size_t> sizes;
};

template <class... A>
std::vector<size_t> sizes(void (*)(A...)) {
    return {sizeof(A)...};
}

#define KERNEL(name) {#name, [](void** arguments) { invoke<name>(arguments, name); }, sizes(name)},
Kernel kernels[] = {KERNEL_TABLE};

// Runs a kernel on a device, block after block.
int run(int device, Kernel* kernel, Index grid, Index block, void** arguments) {
    launches[device]++;
    unsigned threads = block.x * block.y * block.z;
    bool fits = threads && threads <= 1024 && grid.x && grid.y && grid.z && grid.y < 65536 && grid.z < 65536;
    if (!fits) return INVALID_VALUE;
    Call call = {kernel->invoke, arguments};
    fibres::body = [](void* call) { ((Call*)call)->invoke(((Call*)call)->arguments); };
    fibres::argument = &call;
    blockDim = block;
    gridDim = grid;
    bool reverse = false;
    for (unsigned z = 0; z < grid.z; z++) {
        for (unsigned y = 0; y < grid.y; y++) {
            for (unsigned x = 0; x < grid.x; x++, reverse = !reverse) {
                blockIdx = {x, y, z};
                if (!fibres::run_block(threads, reverse)) return sticky[device] = LAUNCH_FAILED;
            }
        }
    }
    return OK;
}

}  // namespace

#define API extern "C" __attribute__((visibility("default"))) int
#define GATED                                           \
    std::lock_guard<std::recursive_mutex> locked(gate); \
    if (int failed = status(__func__)) return failed
// Calls that work on the device whose context is current, of threads that have one.
#define IN_CONTEXT \
    GATED;         \
    if (current < 0) return INVALID_CONTEXT
#define EXPECT(condition) \
    if (!(condition)) return INVALID_VALUE

#include "streams.h"
#include "graphs.h"

// Calls that a stream which takes launches down does not take.
#define ORDERED(stream) \
    IN_CONTEXT;         \
    EXPECT(is_stream_here(stream)); \
    if (int failed = graphs::other(stream)) return failed

// Memory counts as free at once; it goes when the stream comes to that, which a device that is lost does not.
int release(uint64_t pointer, void* stream) {
    auto found = blocks.find(pointer);
    if (found == blocks.end()) return INVALID_VALUE;
    Block block = found->second;
    blocks.erase(found);
    memory_left += block.bytes;
    allocations--;
    auto unmap = [=] { return munmap(block.map, block.mapped), OK; };
    return !stream || sticky[device_of(stream)] ? unmap() : streams::give(stream, unmap, true);
}

// What tests ask of the fake driver.
API fake_driver_fail(const char* call, int after, int code) {
    std::lock_guard<std::recursive_mutex> locked(gate);
    failing = call, calls_left = after, failure = code;
    for (int& status : sticky) status = 0;
    return OK;
}
API fake_driver_corrupt(int is_wanted) { return wrong_copies = is_wanted, OK; }
API fake_driver_memory(size_t bytes) { return memory_left = bytes, OK; }
API fake_driver_allocations() { return allocations; }
API fake_driver_launches() { return launches[0] + launches[1]; }
API fake_driver_launches_on(int device) { return launches[device]; }
// The number of devices, all of them healthy.
API fake_driver_devices(int count) { return devices = count, fake_driver_fail("", -1, 0); }
API fake_driver_lose(int device) {
    std::lock_guard<std::recursive_mutex> locked(gate);
    streams::lose(device);
    return sticky[device] = LAUNCH_FAILED, OK;
}
API fake_driver_capability(int wanted) { return capability = wanted, OK; }
API fake_driver_driver(int version) { return driver = version, OK; }
API fake_driver_loaded_ptx() { return loaded[0]; }
API fake_driver_loaded_machine_code() { return loaded[1]; }
API fake_driver_copied_in() { return copied_in; }
API fake_driver_copied_out() { return copied_out; }

API cuInit(unsigned) { GATED; return OK; }
API cuDriverGetVersion(int* version) { GATED; *version = driver; return OK; }
API cuDeviceGetCount(int* count) { GATED; *count = devices; return OK; }
API cuDeviceGet(int* device, int ordinal) { GATED; *device = ordinal; return ordinal < devices ? OK : INVALID_DEVICE; }
API cuDeviceGetName(char* name, int length, int) { GATED; strncpy(name, "fake driver", length); return OK; }
API cuDeviceTotalMem_v2(size_t* bytes, int) { GATED; *bytes = size_t(1) << 32; return OK; }
API cuDeviceGetAttribute(int* value, int attribute, int) {
    GATED;
    // Multiprocessors, compute capability, memory pools; nothing else is asked.
    *value = attribute == 16 ? 4 : attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : attribute == 115;
    return OK;
}
API cuDevicePrimaryCtxRetain(void** context, int device) { GATED; *context = CONTEXTS[device]; return OK; }
API cuDevicePrimaryCtxRelease_v2(int) { GATED; return OK; }
API cuCtxGetCurrent(void** context) { *context = current < 0 ? nullptr : CONTEXTS[current]; return OK; }
API cuCtxSetCurrent(void* context) { current = !context ? -1 : context == CONTEXTS[1]; return OK; }
API cuMemGetInfo_v2(size_t* left, size_t* total) { IN_CONTEXT; *left = memory_left, *total = size_t(1) << 32; return OK; }
API cuStreamSynchronize(void* stream) { ORDERED(stream); return streams::finish(stream); }
// Bytes of freed memory that are to be kept.
uint64_t kept = 0;
API cuDeviceGetDefaultMemPool(void** pool, int) { GATED; *pool = (void*)0x500; return OK; }
API cuMemPoolGetAttribute(void*, int attribute, void* value) { GATED; *(uint64_t*)value = kept; return attribute == 4 ? OK : INVALID_VALUE; }
API cuMemPoolSetAttribute(void*, int attribute, void* value) { GATED; kept = *(uint64_t*)value; return attribute == 4 ? OK : INVALID_VALUE; }
API fake_driver_kept_megabytes(int wanted) {
    std::lock_guard<std::recursive_mutex> locked(gate);
    int before = kept >> 20;
    if (wanted >= 0) kept = uint64_t(wanted) << 20;
    return before;
}
API cuMemAllocAsync(uint64_t* pointer, size_t bytes, void* stream) { ORDERED(stream); return allocate(pointer, bytes); }
API cuMemAlloc_v2(uint64_t* pointer, size_t bytes) { IN_CONTEXT; return allocate(pointer, bytes); }
// Memory is given back even by a device that is lost, as the end of a process would.
API cuMemFreeAsync(uint64_t pointer, void* stream) { std::lock_guard<std::recursive_mutex> locked(gate); return release(pointer, stream); }
API cuMemFree_v2(uint64_t pointer) { std::lock_guard<std::recursive_mutex> locked(gate); streams::finish_all(); return release(pointer, nullptr); }
API cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream) { ORDERED(stream); EXPECT(is_here(to)); return streams::give(stream, [=] { return memset((void*)to, value, bytes), OK; }); }
API cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
    ORDERED(stream);
    EXPECT(is_here(to));
    copied_in += bytes;
    return streams::copy_to_device((void*)to, from, bytes, stream);
}
API cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
    ORDERED(stream);
    EXPECT(is_here(from));
    copied_out += bytes;
    auto copy = [=] { return memcpy(to, (void*)from, bytes), *(char*)to ^= wrong_copies, OK; };
    // Memory of the host that is not pinned is full once the call returns.
    if (streams::is_pinned(to)) return streams::give(stream, copy);
    if (int failed = streams::finish(stream)) return failed;
    return copy();
}
API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) { ORDERED(stream); EXPECT(is_here(to) && is_here(from)); return streams::give(stream, [=] { return memcpy((void*)to, (void*)from, bytes), OK; }); }
API cuPointerGetAttribute(void* data, int attribute, uint64_t pointer) {
    GATED;
    EXPECT(attribute == 9);  // the ordinal of its device
    for (int device = 0; device < MOST_DEVICES; device++) {
        if (is_on(device, pointer)) return *(int*)data = device, OK;
    }
    return INVALID_VALUE;
}
// Machine code says in the flags of its header what it was made for; it runs on the same major capability and no smaller minor one.
API cuModuleLoadData(void** module, const void* image) {
    IN_CONTEXT;
    EXPECT(image);
    bool is_machine_code = !memcmp(image, "\x7f" "ELF", 4);
    // The lowest byte of them, or the next one in the newer format, whose lowest byte is small.
    const unsigned char* flags = (const unsigned char*)image + 48;
    int made_for = !is_machine_code ? 0 : flags[0] < 50 ? flags[1] : flags[0];
    if (is_machine_code && (made_for / 10 != capability / 10 || made_for > capability)) return NO_CODE;
    loaded[is_machine_code]++;
    *module = (void*)0x400;
    return OK;
}
API cuModuleUnload(void*) { GATED; return OK; }
API cuModuleGetFunction(void** function, void*, const char* name) {
    GATED;
    for (Kernel& kernel : kernels) {
        if (!strcmp(kernel.name, name)) return *function = &kernel, OK;
    }
    return NOT_FOUND;
}
API cuGetErrorName(int code, const char** name) {
    *name = code == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : code == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED" : "CUDA_ERROR";
    return OK;
}
API cuGetErrorString(int, const char** text) { *text = "the fake driver says so"; return OK; }

API cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned, void* stream, void** arguments, void**) {
    IN_CONTEXT;
    EXPECT(is_stream_here(stream));
    Index grid = {grid_x, grid_y, grid_z}, block = {block_x, block_y, block_z};
    streams::Launch launch(current, (Kernel*)function, grid, block, arguments);
    if (graphs::take(stream, launch)) return OK;
    return streams::give(stream, [=] { return launch.run(); });
}
