#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands.hpp"

namespace arca::cli {

namespace {
std::unexpected<Error> failed(const std::string& path) {
    if (errno == EEXIST) return std::unexpected(Error(Code::Usage, path + " is there already; remove it first"));
    return std::unexpected(Error(Code::System, "writing " + path, errno));
}
}  // namespace

Result<int> carry_out(const Session&, const WriteSpec& command) {
    auto path = command.bundle.empty() ? command.file : command.bundle + "/" + command.file;
    auto text = spec_template(command.kind);
    int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) return failed(path);
    auto written = write(descriptor, text.data(), text.size());
    bool complete = written == static_cast<ssize_t>(text.size());
    if (written >= 0 && !complete) errno = ENOSPC;  // a regular file is written short for no other reason
    if (!complete) return close(descriptor), failed(path);
    if (close(descriptor) != 0) return failed(path);
    return 0;
}

}  // namespace arca::cli
