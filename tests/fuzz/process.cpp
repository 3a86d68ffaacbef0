// The process object of `exec --process`, and what the command line of exec changes in it.
#include "container/exec_plan.hpp"
#include "container/plan.hpp"
#include "spec/parse.hpp"
#include "target.hpp"

using namespace arca;

namespace {
const fuzz::Target process("process", [](std::string_view input) {
    const auto parsed = spec::parse_process(input);
    if (!parsed.problems.empty()) {
        (void)spec::to_error("process.json", parsed.problems).message();
        return;
    }
    std::vector<spec::Note> notes;
    (void)container::plan_process(parsed.value, notes);
    ExecOptions options;
    options.args = {"sh"};
    if (!parsed.value.args.empty()) options.user = parsed.value.args.front();
    (void)container::exec_process(parsed.value, options);
});
}  // namespace
