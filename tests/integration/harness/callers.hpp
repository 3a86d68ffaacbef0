// The programs that call a runtime, as far as a runtime can tell them apart: the words they send, the environment they
// give, and the way each reads a log, a pid file, a document.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "bundle.hpp"
#include "command.hpp"

namespace integration {

/// containerd's shim through go-runc; docker is the same with another root.
class Shim {
  public:
    Shim(std::filesystem::path root, std::filesystem::path bundle);

    /// `BINARY --root ROOT --log BUNDLE/log.json --log-format json WORD...`
    Command command(const Arguments& words) const;
    std::filesystem::path log() const { return bundle_ / "log.json"; }
    std::filesystem::path pid_file() const { return bundle_ / "init.pid"; }
    Arguments create_words(const std::string& id) const;

  private:
    std::filesystem::path root_, bundle_;
};

/// The shim decodes its log as a stream of objects and keeps the message of the last one whose level is error. Nothing
/// when decoding fails anywhere, which its user sees as "unable to retrieve OCI runtime error".
std::optional<std::string> last_error_of_stream(const std::filesystem::path& log);

/// podman takes the whole file for one object.
std::optional<std::string> error_of_whole_file(const std::filesystem::path& log);

/// go-runc converts the raw bytes; 0 when they are anything but digits.
int pid_as_go_reads_it(const std::filesystem::path& pid_file);

/// What time.RFC3339Nano takes.
bool is_rfc3339(const std::string& time);

/// podman's environment for state, kill, pause and delete: XDG_RUNTIME_DIR and nothing else, not even PATH.
Command with_podmans_environment(Command command, const std::string& runtime_directory);

/// Both streams as one text, the way cri-o reads `features` and `--version`.
Output combined(Command command, const std::filesystem::path& file);

}  // namespace integration
