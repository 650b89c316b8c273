// Launches that a stream takes down instead of running them, to be run again and again: the driver's graphs.
//
// Kernels alone can be taken down here; anything else on such a stream spoils what was taken down, as waiting does on a GPU.
#pragma once

#include <map>
#include <vector>

namespace graphs {

enum Status { UNSUPPORTED = 900, INVALIDATED = 901 };

// A launch with copies of its arguments, which are the caller's and soon gone.
struct Launch {
    Kernel* kernel;
    Index grid, block;
    std::vector<std::vector<char>> values;
};

struct Graph {
    std::vector<Launch> launches;
    bool is_spoilt = false;
};

std::map<void*, Graph> capturing;
// Graphs that nobody destroyed, ready to run or not, and how often one was run.
std::atomic<long> alive{0}, replays{0};

// Takes a launch down where the stream does that.
bool take(void* stream, Kernel* kernel, Index grid, Index block, void** arguments) {
    auto found = capturing.find(stream);
    if (found == capturing.end()) return false;
    Launch launch = {kernel, grid, block, {}};
    for (size_t at = 0; at < kernel->sizes.size(); at++) {
        const char* value = (const char*)arguments[at];
        launch.values.emplace_back(value, value + kernel->sizes[at]);
    }
    found->second.launches.push_back(std::move(launch));
    return true;
}

// What a call that is no launch gets from a stream: an error while launches are taken down.
int other(void* stream) {
    auto found = capturing.find(stream);
    if (found == capturing.end()) return 0;
    found->second.is_spoilt = true;
    return UNSUPPORTED;
}

int replay(const Graph& graph) {
    replays++;
    for (const Launch& launch : graph.launches) {
        std::vector<void*> arguments;
        for (const std::vector<char>& value : launch.values) arguments.push_back((void*)value.data());
        if (int failed = run(launch.kernel, launch.grid, launch.block, arguments.data())) return failed;
    }
    return 0;
}

}  // namespace graphs

API stand_in_graphs() { return graphs::alive; }
API stand_in_replays() { return graphs::replays; }

API cuStreamBeginCapture_v2(void* stream, int) {
    GATED;
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
    GATED;
    if (int failed = graphs::other(stream)) return failed;
    return graphs::replay(*graph);
}
API cuGraphExecDestroy(graphs::Graph* graph) { return delete graph, graphs::alive--, OK; }
API cuGraphDestroy(graphs::Graph* graph) { return delete graph, graphs::alive--, OK; }
