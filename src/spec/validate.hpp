// The rules of the specification that concern more than the type of one property. They look at typed values only, never
// at the host: what this kernel or this user can do is asked where it is done. `base` is the JSON pointer of the value
// in the file that it came from. Internal to spec, except that exec may check a process made from its command line.
#pragma once

#include <string_view>

#include "spec/report.hpp"
#include "spec/types.hpp"

namespace arca::spec {

void validate(const Config& config, Report& report);
void validate(const Process& process, std::string_view base, Report& report);
void validate(const Resources& resources, std::string_view base, Report& report);

// Parts of the above, by subject.
void validate_environment(const std::vector<std::string>& env, std::string_view base, Report& report);
void validate_hooks(const Hooks& hooks, Report& report);
void validate_mounts(const Config& config, Report& report);
void validate_id_mappings(const std::vector<IdMapping>& mappings, std::string_view base, Report& report);
void validate_namespaces(const Config& config, Report& report);
void validate_linux(const Config& config, Report& report);
void validate_sysctl(const Config& config, Report& report);
void validate_seccomp(const Seccomp& seccomp, Report& report);

/// Whether the container gets a namespace of that type of its own, new or joined. True also when the list of namespaces
/// could not be read, so that one mistake there does not draw others.
bool has_namespace(const Config& config, NamespaceType type, const Report& report);

}  // namespace arca::spec
