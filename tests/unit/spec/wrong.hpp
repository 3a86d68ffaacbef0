// Tables of wrong configurations: each row is a fragment and the one problem that it must give.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <vector>

#include "spec/parse.hpp"

namespace arca::spec::testing {

struct Wrong {
    std::string_view fragment;  ///< members that override those of a good object (of duplicates the last one counts)
    std::string_view pointer;
    std::string_view text;
};

/// {"ociVersion", "root", "process", "linux"} with every namespace, all good; `top` is on line 2.
inline std::string config_with(std::string_view top, std::string_view process = "", std::string_view linux_part = "") {
    auto more = [](std::string_view members) { return members.empty() ? "" : ", " + std::string(members); };
    return R"({"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"args": ["sh"], "cwd": "/")" +
           more(process) +
           R"(}, "linux": {"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],)"
           R"( "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}], "namespaces": [{"type": "pid"},)"
           R"( {"type": "network"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "user"},)"
           R"( {"type": "cgroup"}, {"type": "time"}])" +
           more(linux_part) + "}\n" + more(top) + "}";
}

template<class Value>
std::vector<std::string> in_lines(const Parsed<Value>& parsed) {
    std::vector<std::string> lines;
    for (const auto& problem : parsed.problems)
        lines.push_back(problem.pointer + ": " + problem.text);
    return lines;
}

inline std::vector<std::string> in_lines(const std::vector<Note>& notes) {
    std::vector<std::string> lines;
    for (const auto& note : notes)
        lines.push_back(note.pointer + ": " + note.text);
    return lines;
}

template<class MakeConfig>
void expect_each(const std::vector<Wrong>& table, MakeConfig make_config) {
    for (const auto& row : table) {
        SCOPED_TRACE(row.fragment);
        auto parsed = parse_config(make_config(row.fragment));
        EXPECT_THAT(in_lines(parsed), ::testing::ElementsAre(std::string(row.pointer) + ": " + std::string(row.text)));
    }
}

}  // namespace arca::spec::testing
