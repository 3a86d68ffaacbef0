// What each command does: one overload a command, in commands/*.cpp. No policy here: that is the library's.
#pragma once

#include "arca/container.hpp"
#include "cli/options.hpp"
#include "cli/report.hpp"

namespace arca::cli {

struct Session {
    Runtime runtime;
    Report& report;
    bool root_was_given = false;
};

/// The exit status.
Result<int> carry_out(const Session& session, const Create& command);
Result<int> carry_out(const Session& session, const Run& command);
Result<int> carry_out(const Session& session, const Start& command);
Result<int> carry_out(const Session& session, const ShowState& command);
Result<int> carry_out(const Session& session, const Kill& command);
Result<int> carry_out(const Session& session, const Delete& command);
Result<int> carry_out(const Session& session, const List& command);
Result<int> carry_out(const Session& session, const Exec& command);
Result<int> carry_out(const Session& session, const Ps& command);
Result<int> carry_out(const Session& session, const Pause& command);
Result<int> carry_out(const Session& session, const Resume& command);
Result<int> carry_out(const Session& session, const Mounts& command);
Result<int> carry_out(const Session& session, const Update& command);
Result<int> carry_out(const Session& session, const Events& command);
Result<int> carry_out(const Session& session, const Wait& command);
Result<int> carry_out(const Session& session, const Why& command);
Result<int> carry_out(const Session& session, const Checkpoint& command);
Result<int> carry_out(const Session& session, const Restore& command);
Result<int> carry_out(const Session& session, const Explain& command);
Result<int> carry_out(const Session& session, const Check& command);
Result<int> carry_out(const Session& session, const WriteSpec& command);
Result<int> carry_out(const Session& session, const ShowFeatures& command);
Result<int> carry_out(const Session& session, const ShowVersion& command);
Result<int> carry_out(const Session& session, const Complete& command);
Result<int> carry_out(const Session& session, const ShowHelp& command);
Result<int> carry_out(const Session& session, const UnknownCommand& command);

/// 0 for success.
inline Result<int> exit_status(Result<>&& outcome) {
    if (!outcome) return std::unexpected(std::move(outcome.error()));
    return 0;
}

}  // namespace arca::cli
