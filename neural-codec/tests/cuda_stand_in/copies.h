// Copies from pinned memory, which a GPU does some time later: here as late as it may, when an event behind them or their stream
// is waited for. What is read before has its old values, and what is written over before is copied as it then is.
#pragma once

#include <deque>
#include <map>

namespace copies {

struct Copy {
    void* to;
    const void* from;
    size_t bytes;
};

struct Stream {
    std::deque<Copy> waiting;
    uint64_t done = 0;
};

// A place in a stream: so many of its copies come before.
struct Event {
    void* stream;
    uint64_t copies;
};

std::map<void*, Stream> streams;
std::map<void*, Event> events;
std::map<const char*, size_t> pinned;

bool is_pinned(const void* from) {
    auto after = pinned.upper_bound((const char*)from);
    if (after == pinned.begin()) return false;
    auto [start, bytes] = *std::prev(after);
    return (const char*)from < start + bytes;
}

// Does the copies of a stream, up to a number of them since it began.
void finish(void* stream, uint64_t copies = UINT64_MAX) {
    Stream& of = streams[stream];
    for (; !of.waiting.empty() && of.done < copies; of.done++) {
        Copy copy = of.waiting.front();
        of.waiting.pop_front();
        memcpy(copy.to, copy.from, copy.bytes);
    }
}

// A device that is lost copies nothing any more.
void forget() {
    for (auto& [stream, of] : streams) of.waiting.clear();
}

void finish_event(void* event) {
    auto found = events.find(event);
    if (found != events.end()) finish(found->second.stream, found->second.copies);
}

void copy_to_device(void* to, const void* from, size_t bytes, void* stream) {
    if (is_pinned(from)) {
        streams[stream].waiting.push_back({to, from, bytes});
    } else {
        finish(stream);
        memcpy(to, from, bytes);
    }
}

}  // namespace copies

uint64_t next_event = 0x30000;
API cuEventCreate(void** event, unsigned) { GATED; *event = (void*)next_event++; return OK; }
API cuEventRecord(void* event, void* stream) {
    GATED;
    copies::Stream& of = copies::streams[stream];
    copies::events[event] = {stream, of.done + of.waiting.size()};
    return OK;
}
API cuEventSynchronize(void* event) { GATED; copies::finish_event(event); return OK; }
API cuEventDestroy_v2(void* event) { GATED; copies::events.erase(event); return OK; }
API cuStreamWaitEvent(void*, void* event, unsigned) { GATED; copies::finish_event(event); return OK; }
API cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
    GATED;
    void* map = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return OUT_OF_MEMORY;
    copies::pinned[(const char*)map] = bytes;
    *memory = map;
    return OK;
}
API cuMemFreeHost(void* memory) {
    std::lock_guard<std::recursive_mutex> locked(gate);
    auto found = copies::pinned.find((const char*)memory);
    if (found == copies::pinned.end()) return INVALID_VALUE;
    munmap(memory, found->second);
    copies::pinned.erase(found);
    return OK;
}
