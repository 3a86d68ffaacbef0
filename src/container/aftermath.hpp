// What is remembered of containers that came to grief. How a container's process ended is a file in its state
// directory, and goes with it. Why a launch failed is a file below <root>/.failed, which outlives the container that
// did not come to be: engines delete what failed at once, and ask later, if at all. The newest of these files are kept.
#pragma once

#include <optional>
#include <string>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/record.hpp"
#include "container/store.hpp"
#include "sys/process.hpp"

namespace arca::container {

/// The first that is known stays. What cannot be written at once is not: it is for people, nothing depends on it. The
/// store must not be locked by the caller.
void remember_exit(Store& store, const sys::ExitStatus& status);
/// From the file, else from init itself if it is a zombie.
std::optional<sys::ExitStatus> recall_exit(const Store& store, const Record& record);

struct Failure {
    std::string operation;  ///< "create"
    std::string time;
    std::string step;
    std::string message;  ///< one line, with the tail of a hook's output
};
/// Passes the outcome on. Mistakes that changed nothing (a wrong id, one that is taken) are not remembered.
template<class T>
Result<T> remember_failure(const Runtime& runtime, const std::string& id, std::string_view operation,
                           Result<T> outcome);
void write_failure(const Runtime& runtime, const std::string& id, std::string_view operation, const Error& error);
std::optional<Failure> recall_failure(const Runtime& runtime, const std::string& id);

template<class T>
Result<T> remember_failure(const Runtime& runtime, const std::string& id, std::string_view operation,
                           Result<T> outcome) {
    if (!outcome) write_failure(runtime, id, operation, outcome.error());
    return outcome;
}

}  // namespace arca::container
