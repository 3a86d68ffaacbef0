#include "cli/command_table.hpp"

#include <algorithm>
#include <array>

namespace arca::cli {

namespace {
template<class T>
constexpr Row row(Group group, std::string_view name, std::string_view synopsis, std::string_view summary,
                  WordCount words, Reading reading = Reading::Interspersed) {
    return {group,
            name,
            synopsis,
            summary,
            words,
            reading,
            [](DeclaredOptions& options, Command& command) { declare(options, command.emplace<T>()); },
            [](Command& command, Words& given) { take_words(std::get<T>(command), given); }};
}

constexpr std::array kRows = {
    row<Create>(Group::Life, "create", "ID", "make a container that waits for start", {1, 1}),
    row<Start>(Group::Life, "start", "ID", "execute the program of a created container", {1, 1}),
    row<Run>(Group::Life, "run", "ID | --rootfs DIR [-- COMMAND [ARGUMENT...]]", "create, start, wait and delete",
             {1, 1}),
    row<Kill>(Group::Life, "kill", "ID [SIGNAL]", "send a signal (TERM) to a container", {1, 2}),
    row<Wait>(Group::Life, "wait", "ID", "wait for the end of a container, pass its exit status on", {1, 1}),
    row<Delete>(Group::Life, "delete", "ID", "remove a container", {1, 1}),
    row<Checkpoint>(Group::Life, "checkpoint", "ID", "write the processes of a container to images", {1, 1}),
    row<Restore>(Group::Life, "restore", "ID", "make a container from images", {1, 1}),
    row<Exec>(Group::Inside, "exec", "ID [COMMAND [ARGUMENT...]]", "run one more process in a container",
              {1, kAnyNumber}, Reading::UntilFirstWord),
    row<Ps>(Group::Inside, "ps", "ID [PS-OPTION...]", "show the processes of a container", {1, kAnyNumber},
            Reading::UntilFirstWord),
    row<Pause>(Group::Inside, "pause", "ID", "freeze every process of a container", {1, 1}),
    row<Resume>(Group::Inside, "resume", "ID", "thaw a paused container", {1, 1}),
    row<Mounts>(Group::Inside, "mounts", "add|remove|list ID [FILE]", "mounts of a running container", {2, 3}),
    row<Update>(Group::Limits, "update", "ID", "change the limits of a container", {1, 1}),
    row<Events>(Group::Limits, "events", "ID", "show statistics and out-of-memory kills as they happen", {1, 1}),
    row<List>(Group::Sight, "list", "", "list containers", {0, 0}),
    row<ShowState>(Group::Sight, "state", "ID", "show the state of a container as JSON", {1, 1}),
    row<Why>(Group::Sight, "why", "ID", "say why a container failed or how it ended", {1, 1}),
    row<Explain>(Group::Bundle, "explain", "[BUNDLE]", "show what create would do, without doing it", {0, 1}),
    row<Check>(Group::Bundle, "check", "[BUNDLE]", "say what is wrong with a bundle on this host", {0, 1}),
    row<WriteSpec>(Group::Bundle, "spec", "", "write a new config.json", {0, 0}),
    row<ShowFeatures>(Group::Itself, "features", "", "show what this runtime supports as JSON", {0, 0}),
    row<Complete>(Group::Itself, "completion", "bash|zsh|fish", "show the completions for a shell", {1, 1}),
    row<ShowVersion>(Group::Itself, "version", "", "show the version", {0, 0}),
};
}  // namespace

std::span<const Row> command_rows() {
    return kRows;
}

const Row* find_row(std::string_view name) {
    auto found = std::ranges::find(kRows, name, &Row::name);
    return found != kRows.end() ? &*found : nullptr;
}

}  // namespace arca::cli
