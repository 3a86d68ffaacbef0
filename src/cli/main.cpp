// The program: everything else is in application.cpp, so that tests can link it.
#include <exception>

#include "cli/application.hpp"
#include "cli/arguments.hpp"
#include "cli/crash.hpp"
#include "cli/output.hpp"

int main(int argc, char** argv, char** environment) {
    using namespace arca::cli;
    hold_standard_descriptors();
    catch_crashes();
    std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    Report report(banner_of(argc > 0 ? argv[0] : "arca"), scan_log_options(arguments));
    // Third party code throws, and so does a lack of memory; nothing of arca's own does.
    try {
        return run(report, {argc, argv, environment});
    } catch (const std::exception& problem) {
        report.failure(printable(std::string("internal error (a bug, or no memory left): ") + problem.what()));
        return 1;
    }
}
