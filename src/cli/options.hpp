// What was asked for, as values: one struct a command. Filled by command_options.cpp, carried out by commands/*.cpp.
// Knows neither argv nor the library's inside.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "arca/checkpoint.hpp"
#include "arca/container.hpp"
#include "arca/sandbox.hpp"

namespace arca::cli {

enum class LogFormat : std::uint8_t { Text, Json };

struct Globals {
    std::string root;  ///< empty: the library's default
    CgroupManager cgroup_manager = CgroupManager::Cgroupfs;
    Tristate rootless = Tristate::Auto;
    log::Level log_level = log::Level::Error;
    std::string trace;
};

struct Create {
    CreateOptions options;
};
struct Run {
    RunOptions options;
    Sandbox sandbox;   ///< in place of the bundle when it names a root file system
    std::string name;  ///< of the sandbox
};
struct Start {
    std::string id;
};
struct ShowState {
    std::string id;
};
/// What the word in the place of the id is.
enum class Selection : std::uint8_t { Id, Pattern };
struct Kill {
    KillOptions options;
    Selection selection = Selection::Id;
};
struct Delete {
    DeleteOptions options;
    Selection selection = Selection::Id;
};
enum class ListFormat : std::uint8_t { Table, Json, Ids };
struct List {
    ListFormat format = ListFormat::Table;
};
struct Exec {
    ExecOptions options;
};
enum class PsFormat : std::uint8_t { Table, Json };
struct Ps {
    std::string id;
    PsFormat format = PsFormat::Table;
    std::vector<std::string> arguments;  ///< of the host's ps
};
struct Pause {
    std::string id;
};
struct Resume {
    std::string id;
};
enum class MountsAction : std::uint8_t { Add, Remove, List };
struct Mounts {
    MountsAction action = MountsAction::List;
    std::string id;
    std::string file;
};
struct Update {
    UpdateOptions options;
    std::string file;  ///< with the resources, "-" for standard input
};
struct Events {
    EventsOptions options;
};
struct Wait {
    std::string id;
};
struct Why {
    std::string id;
    Format format = Format::Text;
};
struct Checkpoint {
    CheckpointOptions options;
};
struct Restore {
    RestoreOptions options;
};
struct Explain {
    CreateOptions options;
    Format format = Format::Text;
};
struct Check {
    CreateOptions options;
};
struct WriteSpec {
    std::string bundle;
    std::string file = "config.json";
    SpecKind kind = SpecKind::Privileged;
};
struct ShowFeatures {};
struct ShowVersion {};
struct Complete {
    std::string shell;
};
struct ShowHelp {
    std::string text;
};
struct UnknownCommand {
    std::string topic;
    std::string suggestion;  ///< the command that may have been meant; empty: none is near
};

using Command = std::variant<Create, Run, Start, ShowState, Kill, Delete, List, Exec, Ps, Pause, Resume, Mounts, Update,
                             Events, Wait, Why, Checkpoint, Restore, Explain, Check, WriteSpec, ShowFeatures,
                             ShowVersion, Complete, ShowHelp, UnknownCommand>;

struct Invocation {
    Globals globals;
    std::string operation;  ///< "kill"; empty before a command is known
    std::string id;         ///< of the container; empty when the command has none
    Command command;
};

}  // namespace arca::cli
