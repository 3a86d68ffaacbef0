// How each engine reads the text of a failure: its patterns, in its order. The tests look at arca's texts through
// these, those of src/cli/output.cpp in tests/unit/cli and those of the whole program in tests/integration.
#pragma once

#include <algorithm>
#include <cctype>
#include <regex>
#include <string>
#include <string_view>

namespace engines {

inline std::string lowered(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

inline bool has(const std::string& text, std::string_view part) {
    return lowered(text).find(part) != std::string::npos;
}

constexpr int kOtherDockerFailure = 128;
constexpr int kOtherPodmanFailure = 125;

/// docker: whether it advises to look whether a directory is mounted onto a file, or a file onto a directory.
inline bool docker_suspects_mount(const std::string& text) {
    return has(text, "not a directory");
}

/// docker: the status of `docker run` when create or start fails.
inline int docker_status(const std::string& text, const std::string& program) {
    bool missing = has(text, "executable file not found") || has(text, "no such file or directory") ||
                   has(text, "system cannot find the file specified");
    if (has(text, lowered(program)) && missing) return 127;
    if (has(text, "permission denied")) return 126;
    return docker_suspects_mount(text) ? 127 : kOtherDockerFailure;
}

inline int podman_status(const std::string& text) {
    static const std::regex refused("permission denied|operation not permitted", std::regex::icase);
    static const std::regex missing("executable file not found in|no such file or directory|open executable",
                                    std::regex::icase);
    if (std::regex_search(text, refused)) return 126;
    return std::regex_search(text, missing) ? 127 : kOtherPodmanFailure;
}

inline bool podman_suspects_selinux(const std::string& text) {
    static const std::regex attribute("`/proc/[a-z0-9-].+/attr.*`");
    return std::regex_search(text, attribute);
}

enum class Seen { Finished, Absent, Unclear };

/// containerd's shim: what a failed `kill` or `delete` means.
inline Seen containerd_kill(const std::string& text) {
    if (has(text, "os: process already finished") || has(text, "container not running") || has(text, "no such process"))
        return Seen::Finished;
    return has(text, "does not exist") ? Seen::Absent : Seen::Unclear;
}

/// cri-o: whether the container is gone.
inline bool crio_gone(const std::string& text) {
    return has(text, "no such process") || has(text, "container not running") || has(text, "invalid process");
}

/// podman and cri-o: whether `restore` knows an option, told by the complaint about its missing value.
inline bool knows_option(const std::string& text) {
    return text.find("flag needs an argument") != std::string::npos;
}

}  // namespace engines
