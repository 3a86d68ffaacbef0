// One hook as a process: its three pipes, its process group, its death with us.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "sys/fd.hpp"
#include "sys/process.hpp"

namespace arca::hooks {

struct Command {
    std::string path;
    std::vector<std::string> arguments;  ///< with argv[0]
    std::vector<std::string> environment;
    std::string working_directory;  ///< empty: unchanged
};

/// Our ends do not block.
struct Running {
    sys::Child child;  ///< leader of a process group of its own
    sys::Fd input;     ///< its stdin
    sys::Fd output;    ///< its stdout and stderr
    sys::Fd report;    ///< holds a Refusal if it never came to execute the program
};

/// Why the program was not executed.
struct Refusal {
    enum class Stage : int { Directory, Execute };
    Stage stage = Stage::Execute;
    int errnum = 0;
};

Result<Running> spawn(const Command& command);

}  // namespace arca::hooks
