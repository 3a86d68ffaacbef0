// What this build can do and is, in the documents that engines ask for.
#include "spec/features.hpp"

#include <unistd.h>

#include "arca/container.hpp"
#include "arca/sandbox.hpp"
#include "mounts/plan.hpp"
#include "privileges/capabilities.hpp"
#include "seccomp/program.hpp"
#include "spec/config_template.hpp"

#ifndef ARCA_COMMIT
#define ARCA_COMMIT "unknown"
#endif

namespace arca {

std::string features_json() {
    spec::FeatureFacts facts;
    facts.mount_options = mounts::known_options();
    facts.capabilities = privileges::capability_names();
    facts.seccomp_architectures = seccomp::architectures();
    facts.seccomp_flags = seccomp::supported_flags();
    facts.cgroup_v1 = true;
    facts.cgroup_v2 = true;
    facts.cgroup_systemd = true;
    facts.cgroup_systemd_user = true;
    facts.cgroup_rdma = true;
    facts.seccomp = true;
    facts.apparmor = true;
    facts.selinux = true;
    facts.memory_policy = true;
    facts.id_mapped_mounts = true;
    facts.net_devices = true;
    facts.landlock = true;
    facts.checkpoint = true;
    facts.intel_rdt = true;
    facts.intel_rdt_schemata = true;
    facts.intel_rdt_monitoring = true;
    facts.arca_version = ARCA_VERSION;
    facts.arca_commit = ARCA_COMMIT;
    facts.libseccomp_version = seccomp::library_version();
    return spec::features_document(facts);
}

std::string spec_template(SpecKind kind) {
    const auto form = kind == SpecKind::Rootless ? spec::TemplateKind::Rootless : spec::TemplateKind::Privileged;
    return spec::config_template(form, {::geteuid(), ::getegid()});
}

std::string sandbox_config(const Sandbox& sandbox) {
    const auto kind = ::geteuid() == 0 ? spec::TemplateKind::Privileged : spec::TemplateKind::Rootless;
    const spec::TreeProgram program{
        .rootfs = sandbox.rootfs,
        .args = sandbox.args,
        .env = sandbox.env,
        .cwd = sandbox.cwd,
        .capabilities = sandbox.capabilities,
        .hostname = sandbox.hostname,
        .terminal = sandbox.terminal ? spec::Terminal::With : spec::Terminal::Without,
        .access = sandbox.writable ? spec::RootAccess::Writable : spec::RootAccess::ReadOnly};
    return spec::tree_config(program, kind, {::geteuid(), ::getegid()});
}

Version version() {
    return {ARCA_VERSION, ARCA_COMMIT, "1.3.0", seccomp::library_version()};
}

}  // namespace arca
