#include "criu.hpp"

#include <unistd.h>

#include <cstdlib>

#include "files.hpp"

namespace integration {

namespace {
// Some virtual machines never deliver the hardware breakpoints with which CRIU waits for its parasite: it then hangs.
// 130 makes it do without (criu/include/fault-injection.h, FI_NO_BREAKPOINTS).
bool dumps(const std::string& fault) {
    TemporaryDirectory directory;
    // Without descriptors: those of the tests are of another mount namespace.
    Running sleeper = Command({"sh", "-c", "exec sleep 60 <&- >&- 2>&-"}).start();
    usleep(100'000);
    Command command({"timeout", "--kill-after=1", "15", "criu", "dump", "--leave-running", "--shell-job", "-t",
                     std::to_string(sleeper.pid()), "-D", directory.path().string()});
    if (!fault.empty()) command.variable("CRIU_FAULT", fault);
    if (const char* path = std::getenv("PATH")) command.variable("PATH", path);
    return command.run().ok();
}

Criu look_for_criu() {
    const char* path = std::getenv("PATH");
    Command check({"criu", "check"});
    if (path != nullptr) check.variable("PATH", path);
    Output output = check.run();
    if (output.status == 127 || contains(output.err, "exec")) return {"criu is not installed", ""};
    if (!output.ok()) return {"criu check: " + output.err, ""};
    if (dumps("")) return {};
    if (dumps("130")) return {"", "130"};
    return {"criu cannot dump even a process that sleeps", ""};
}
}  // namespace

const Criu& criu() {
    static const Criu found = look_for_criu();
    return found;
}

void prepare_for_criu(Command& command) {
    if (const char* path = std::getenv("PATH")) command.variable("PATH", path);
    if (!criu().fault.empty()) command.variable("CRIU_FAULT", criu().fault);
}

}  // namespace integration
