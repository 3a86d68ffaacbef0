// Bytes to typed values. Everything that is wrong with a file is reported at once, each with its JSON pointer and line.
// Knows nothing of the host: whether this kernel can do it is asked later.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arca/error.hpp"
#include "spec/types.hpp"

namespace arca::spec {

struct Problem {
    std::string pointer;  ///< "/process/user/uid"; empty for the document itself
    unsigned line = 0;    ///< 1-based; 0 when unknown
    std::string text;     ///< "expected an unsigned integer, got string \"0\""
    bool operator==(const Problem&) const = default;
};

template<class T>
struct Parsed {
    T value;
    std::vector<Problem> problems;  ///< not empty: value must not be used
    std::vector<Note> notes;        ///< unknown keys (with a suggestion), ignored properties
};

/// Parses and validates config.json.
Parsed<Config> parse_config(std::string_view json);
/// A `process` object alone (exec --process).
Parsed<Process> parse_process(std::string_view json);
/// A `linux.resources` object alone (update --resources).
Parsed<Resources> parse_resources(std::string_view json);

/// A document that holds `mounts` alone (mounts add, mounts remove). That idmap options have mappings is asked for as
/// if the container had no user namespace.
Parsed<std::vector<Mount>> parse_mounts(std::string_view json);

/// What is wrong with resources that were put together from parts which are each right. Without lines.
std::vector<Problem> check_resources(const Resources& resources);

/// All problems as one error of Code::InvalidConfig: "config.json: /process/user/uid (line 14): expected …; also: …".
/// At most 20 are listed.
Error to_error(std::string_view file, const std::vector<Problem>& problems);

/// parse_config as a Result; notes are appended to `notes`.
Result<Config> load_config(std::string_view file, std::string_view json, std::vector<Note>& notes);

}  // namespace arca::spec
