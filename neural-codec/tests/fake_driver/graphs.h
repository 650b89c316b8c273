// Launches that a stream takes down instead of running them, to be run again and again: the driver's graphs.
//
// Kernels alone can be taken down here; anything else on such a stream spoils what was taken down, as waiting does on a GPU.
#pragma once

#include <map>
#include <vector>

#include "streams.h"

namespace graphs {

enum Status { UNSUPPORTED = 900, INVALIDATED = 901 };

struct Graph {
    std::vector<streams::Launch> launches;
    bool is_spoilt = false;
};

std::map<void*, Graph> capturing;
// Graphs that nobody destroyed, ready to run or not, and how often one was run.
std::atomic<long> alive{0}, replays{0};

// Takes a launch down where the stream does that.
bool take(void* stream, const streams::Launch& launch) {
    auto found = capturing.find(stream);
    if (found == capturing.end()) return false;
    found->second.launches.push_back(launch);
    return true;
}

// What a call that is no launch gets from a stream: an error while launches are taken down.
int other(void* stream) {
    auto found = capturing.find(stream);
    if (found == capturing.end()) return 0;
    found->second.is_spoilt = true;
    return UNSUPPORTED;
}

}  // namespace graphs

API fake_driver_graphs() { return graphs::alive; }
API fake_driver_replays() { return graphs::replays; }

API cuStreamBeginCapture_v2(void* stream, int) {
    IN_CONTEXT;
    return graphs::capturing.emplace(stream, graphs::Graph{}).second ? OK : INVALID_VALUE;
}
API cuStreamEndCapture(void* stream, graphs::Graph** graph) {
    std::lock_guard<std::recursive_mutex> locked(gate);
    auto found = graphs::capturing.find(stream);
    if (found == graphs::capturing.end()) return INVALID_VALUE;
    graphs::Graph taken = std::move(found->second);
    // The stream runs what it is given again, whatever comes of this.
    graphs::capturing.erase(found);
    *graph = nullptr;
    if (int failed = status(__func__)) return failed;
    if (taken.is_spoilt) return graphs::INVALIDATED;
    *graph = new graphs::Graph(std::move(taken));
    graphs::alive++;
    return OK;
}
API cuGraphInstantiateWithFlags(graphs::Graph** made, graphs::Graph* graph, unsigned long long) {
    GATED;
    *made = new graphs::Graph(*graph);
    graphs::alive++;
    return OK;
}
API cuGraphLaunch(graphs::Graph* graph, void* stream) {
    IN_CONTEXT;
    EXPECT(is_stream_here(stream));
    if (int failed = graphs::other(stream)) return failed;
    graphs::replays++;
    for (const streams::Launch& launch : graph->launches) streams::give(stream, [=] { return launch.run(); });
    return OK;
}
API cuGraphExecDestroy(graphs::Graph* graph) { return delete graph, graphs::alive--, OK; }
API cuGraphDestroy(graphs::Graph* graph) { return delete graph, graphs::alive--, OK; }
