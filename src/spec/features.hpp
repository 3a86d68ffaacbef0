// The features document of runtime-spec 1.3 (features.md, features-linux.md). Names come from the tables that the
// parser accepts; what other modules know is handed in.
#pragma once

#include <string>
#include <vector>

#include "spec/names.hpp"

namespace arca::spec {

/// What this build can do, whether or not the host can.
struct FeatureFacts {
    std::vector<std::string> mount_options;
    std::vector<std::string> capabilities;           ///< empty: all that the parser knows
    std::vector<std::string> seccomp_architectures;  ///< empty: all that the parser knows
    std::vector<std::string> seccomp_flags;          ///< those that this kernel and library support as well
    bool cgroup_v1 = false;
    bool cgroup_v2 = false;
    bool cgroup_systemd = false;
    bool cgroup_systemd_user = false;
    bool cgroup_rdma = false;
    bool seccomp = false;
    bool apparmor = false;
    bool selinux = false;
    bool intel_rdt = false;
    bool intel_rdt_schemata = false;
    bool intel_rdt_monitoring = false;
    bool memory_policy = false;
    bool id_mapped_mounts = false;
    bool net_devices = false;
    bool landlock = false;  ///< not of the specification: by the annotation run.arca.landlock
    bool checkpoint = false;
    std::string arca_version;
    std::string arca_commit;
    std::string libseccomp_version;
    /// Annotations that give a container more than its creator may have meant. A name that ends in "." is a prefix.
    std::vector<std::string> unsafe_annotations = {"org.criu.config", "org.systemd.property.", "run.arca.", "run.oci."};
};

/// Indented by four spaces, with a final newline.
std::string features_document(const FeatureFacts& facts);

}  // namespace arca::spec
