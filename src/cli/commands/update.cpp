#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands.hpp"

namespace arca::cli {

namespace {
Result<std::string> read_to_end(int descriptor, const std::string& name) {
    std::string content;
    char buffer[4096];
    for (;;) {
        const auto count = read(descriptor, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::unexpected(Error(Code::System, "reading " + name, errno));
        if (count == 0) return content;
        content.append(buffer, static_cast<std::size_t>(count));
    }
}

Result<std::string> read_resources(const std::string& path) {
    if (path == "-") return read_to_end(STDIN_FILENO, "standard input");
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::unexpected(Error(Code::System, "opening " + path, errno));
    auto content = read_to_end(descriptor, path);
    close(descriptor);
    return content;
}
}  // namespace

Result<int> carry_out(const Session& session, const Update& command) {
    auto options = command.options;
    if (!command.file.empty()) {
        auto content = read_resources(command.file);
        if (!content) return std::unexpected(std::move(content.error()));
        options.resources = std::move(*content);
        options.resources_name = command.file == "-" ? "standard input" : command.file;
    }
    return exit_status(arca::update(session.runtime, options));
}

}  // namespace arca::cli
