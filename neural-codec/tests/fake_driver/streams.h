// Streams: what they are given, a GPU does some time later. Here each does it as late as it may: when the host waits for the
// stream, for an event behind the work, or for what it copies back. Another stream sees what was there before until then, and
// memory that is freed or written over too early is found out.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <vector>

namespace streams {

struct Work {
    std::function<int()> run;
    // Memory is given back even by a device that is lost.
    bool is_freeing;
};

struct Stream {
    std::deque<Work> waiting;
    uint64_t done = 0;
};

// A place in a stream: behind so much of its work.
struct Event {
    void* stream;
    uint64_t work;
};

std::map<void*, Stream> all;
std::map<void*, Event> events;
std::map<const char*, size_t> pinned;

int give(void* stream, std::function<int()> run, bool is_freeing = false) {
    all[stream].waiting.push_back({std::move(run), is_freeing});
    return OK;
}

// Does the work of a stream, up to so much of it since it began.
int finish(void* stream, uint64_t work = UINT64_MAX) {
    Stream& of = all[stream];
    while (!of.waiting.empty() && of.done < work) {
        Work next = std::move(of.waiting.front());
        of.waiting.pop_front();
        of.done++;
        if (int failed = next.run()) return failed;
    }
    return OK;
}

int finish_event(void* event) {
    auto found = events.find(event);
    return found == events.end() ? OK : finish(found->second.stream, found->second.work);
}

int finish_all() {
    for (auto& [stream, of] : all) {
        if (device_of(stream) != current) continue;
        if (int failed = finish(stream)) return failed;
    }
    return OK;
}

// A device that is lost gives memory back and does nothing else.
void lose(int device) {
    for (auto& [stream, of] : all) {
        if (device_of(stream) != device) continue;
        for (Work& work : of.waiting) {
            if (work.is_freeing) work.run();
        }
        of.done += of.waiting.size();
        of.waiting.clear();
    }
}

bool is_pinned(const void* address) {
    auto after = pinned.upper_bound((const char*)address);
    return after != pinned.begin() && (const char*)address < std::prev(after)->first + std::prev(after)->second;
}

// Memory of the host that is not pinned may be changed as soon as the call returns.
int copy_to_device(void* to, const void* from, size_t bytes, void* stream) {
    if (is_pinned(from)) return give(stream, [=] { return memcpy(to, from, bytes), OK; });
    std::vector<char> kept((const char*)from, (const char*)from + bytes);
    return give(stream, [=] { return memcpy(to, kept.data(), kept.size()), OK; });
}

// A launch with copies of its arguments, which are the caller's and soon gone.
struct Launch {
    int device;
    Kernel* kernel;
    Index grid, block;
    std::vector<std::vector<char>> values;

    Launch(int device, Kernel* kernel, Index grid, Index block, void** arguments)
        : device(device), kernel(kernel), grid(grid), block(block) {
        for (size_t at = 0; at < kernel->sizes.size(); at++) {
            const char* value = (const char*)arguments[at];
            values.emplace_back(value, value + kernel->sizes[at]);
        }
    }

    int run() const {
        std::vector<void*> arguments;
        for (const std::vector<char>& value : values) arguments.push_back((void*)value.data());
        return ::run(device, kernel, grid, block, arguments.data());
    }
};

}  // namespace streams

// Each stream has a name of its own, and each event.
uint64_t next_stream = 1, next_event = 0x300000;
API cuStreamCreate(void** stream, unsigned) { IN_CONTEXT; *stream = (void*)(STREAMS * (current + 1) + next_stream++); return OK; }
API cuStreamCreateWithPriority(void** stream, unsigned, int) { return cuStreamCreate(stream, 0); }
API cuStreamDestroy_v2(void* stream) { GATED; return streams::finish(stream); }
API cuStreamWaitEvent(void* stream, void* event, unsigned) {
    IN_CONTEXT;
    EXPECT(is_stream_here(stream));
    auto found = streams::events.find(event);
    if (found == streams::events.end()) return OK;
    // What the event stands for now; it may be recorded anew.
    streams::Event behind = found->second;
    return streams::give(stream, [=] { return streams::finish(behind.stream, behind.work); });
}
API cuCtxSynchronize() { IN_CONTEXT; return streams::finish_all(); }

API cuEventCreate(void** event, unsigned) { IN_CONTEXT; *event = (void*)next_event++; return OK; }
API cuEventRecord(void* event, void* stream) {
    IN_CONTEXT;
    EXPECT(is_stream_here(stream));
    streams::Stream& of = streams::all[stream];
    streams::events[event] = {stream, of.done + of.waiting.size()};
    return OK;
}
API cuEventSynchronize(void* event) { GATED; return streams::finish_event(event); }
API cuEventDestroy_v2(void* event) { GATED; streams::events.erase(event); return OK; }

API cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
    IN_CONTEXT;
    void* map = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return OUT_OF_MEMORY;
    streams::pinned[(const char*)map] = bytes;
    *memory = map;
    return OK;
}
API cuMemFreeHost(void* memory) {
    std::lock_guard<std::recursive_mutex> locked(gate);
    auto found = streams::pinned.find((const char*)memory);
    if (found == streams::pinned.end()) return INVALID_VALUE;
    munmap(memory, found->second);
    streams::pinned.erase(found);
    return OK;
}
