#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands.hpp"

namespace arca::cli {

namespace {
std::unexpected<Error> failed(const std::string& path, int errnum) {
    if (errnum == EEXIST) return std::unexpected(Error(Code::Usage, path + " is there already; remove it first"));
    return std::unexpected(Error(Code::System, "writing " + path, errnum));
}
}  // namespace

Result<int> carry_out(const Session&, const WriteSpec& command) {
    auto path = command.bundle.empty() ? command.file : command.bundle + "/" + command.file;
    auto text = spec_template(command.kind);
    int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) return failed(path, errno);
    auto written = write(descriptor, text.data(), text.size());
    // A regular file is written short for no other reason than the lack of space.
    int problem = written < 0 ? errno : written == static_cast<ssize_t>(text.size()) ? 0 : ENOSPC;
    if (close(descriptor) != 0 && problem == 0) problem = errno;
    if (problem != 0) return failed(path, problem);
    return 0;
}

}  // namespace arca::cli
