// What checkpoint and restore share of their dealings with CRIU: directories, its configuration, what became of it.
#pragma once

#include <string>

#include "arca/checkpoint.hpp"
#include "base/result.hpp"
#include "container/checkpoint_plan.hpp"
#include "criu/session.hpp"
#include "sys/fd.hpp"

namespace arca::container {

inline constexpr auto kDescriptorsName = "descriptors.json";

/// The directory of the images and that of CRIU's log.
struct ImageDirectories {
    sys::Fd images;
    sys::Fd work;
    std::string images_path;
    std::string work_path;

    enum class Missing : std::uint8_t { Make, Refuse };
    static Result<ImageDirectories> open(const ImageOptions& options, Missing missing);
    /// After a change of the mount namespace: the same numbers refer to where the paths lead in it.
    Result<> open_again() const;
    Places places(std::string config_file) const;
};

/// The annotation org.criu.config (empty: none), else the file of this name in /etc/criu that there is.
std::string criu_config_file(const std::map<std::string, std::string>& annotations);

/// Refuses what this CRIU, or this kernel, cannot do, before anything has happened.
Result<> check_abilities(criu::Session& session, const ImageOptions& image, const CheckpointOptions* checkpoint);

/// Success as it is; a failure with what CRIU's log says first, and where that log is.
Result<criu::Response> judge(Result<criu::Response> outcome, std::string_view operation, const std::string& log_path);

}  // namespace arca::container
