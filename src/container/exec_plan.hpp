// What exec runs: the process object of a file, or the container's own with what the command line changes.
#pragma once

#include <cstdint>
#include <string>

#include "arca/container.hpp"
#include "base/result.hpp"
#include "container/plan.hpp"
#include "container/store.hpp"

namespace arca::container {

/// When the new process enters the container's pid namespace, from where its processes see it.
enum class Entry : std::uint8_t {
    AtBirth,     ///< one process less
    AfterDrops,  ///< with nothing left that a tracer could take
};

struct ExecPlan {
    ProcessPlan process;
    Entry entry = Entry::AtBirth;
    unsigned listen_descriptors = 0;  ///< of socket activation, first among the preserved ones
    std::string listen_names;
    std::string initial_affinity;  ///< process.execCPUAffinity
    std::string final_affinity;
};

Result<ExecPlan> plan_exec(const Runtime& runtime, const ExecOptions& options, const Store& store,
                           const Record& record);

/// AfterDrops for a container that may trace whatever it sees. PR_SET_DUMPABLE does not hinder CAP_SYS_PTRACE over the
/// user namespace in which arca was executed (ptrace(2)); in a user namespace of its own no container has that.
/// `namespaces`: CLONE_NEW* of those that are the container's own.
Entry plan_entry(const spec::Process* container, std::uint64_t namespaces);

/// "UID" or "UID:GID", decimal, below 2^32 - 1. Names are refused: they would have to be looked up in files that the
/// container controls (CVE-2016-3697, CVE-2026-30892).
Result<> parse_user(const std::string& text, spec::User& user);

/// Pure: the process that exec starts from the container's, as the options ask.
Result<spec::Process> exec_process(const spec::Process& container, const ExecOptions& options);

}  // namespace arca::container
