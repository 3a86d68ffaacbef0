#include "privileges/lsm.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::privileges {

namespace {
constexpr std::string_view kApparmorPointer = "/process/apparmorProfile";
constexpr std::string_view kSelinuxPointer = "/process/selinuxLabel";

/// A label, the file it goes to, and how a failure is told.
struct LabelWrite {
    std::string path;  ///< below /proc
    std::string data;
    std::string subject;  ///< "AppArmor profile docker-default"
    std::string_view pointer;
};

std::unexpected<Error> label_error(const LabelWrite& label, std::string_view operation, int errnum) {
    Error error(Code::System, text::cat("setting the ", label.subject, ": ", operation, " `/proc/", label.path, "`"),
                errnum);
    return fail(std::move(error).at(std::string(label.pointer)));
}

std::string_view explain_write(int errnum, bool is_apparmor) {
    if (errnum == ENOENT && is_apparmor) return "no profile of that name is loaded in the kernel";
    if (errnum == EINVAL) return "the label is not valid, or its security module is not active on this host";
    return {};
}

Result<> write_label(sys::FdRef file, const LabelWrite& label) {
    if (::write(file.number(), label.data.data(), label.data.size()) == static_cast<ssize_t>(label.data.size()))
        return {};
    const int errnum = errno;
    auto error = label_error(label, "write", errnum);
    const auto hint = explain_write(errnum, label.pointer == kApparmorPointer);
    if (errnum == EINVAL) error = fail(std::move(error.error()).as(Code::Unsupported));
    return hint.empty() ? std::move(error) : fail(std::move(error.error()).hinting(std::string(hint)));
}

/// Reading back: the kernel shows the canonical form, which need not be what was written, but never nothing.
Result<> verify_label(const sys::Procfs& procfs, const LabelWrite& label) {
    const auto content = procfs.read(label.path);
    if (!content) return label_error(label, "reading back", content.error().errnum());
    if (text::trim(*content).empty()) return label_error(label, "nothing is read back from", 0);
    return {};
}

Result<> set_label(const sys::Procfs& procfs, const LabelWrite& label) {
    const auto file = procfs.open(label.path, O_WRONLY);
    if (!file) {
        auto error = label_error(label, "open", file.error().errnum());
        if (file.error().errnum() != ENOENT) return error;
        return fail(std::move(error.error()).as(Code::Unsupported).hinting("this kernel has no such security module"));
    }
    TRY(write_label(*file, label));
    return verify_label(procfs, label);
}

Result<> set_apparmor_profile(const sys::Procfs& procfs, const std::string& profile) {
    LabelWrite label{"self/attr/apparmor/exec", text::cat("exec ", profile),
                     text::cat("AppArmor profile ", text::printable(profile)), kApparmorPointer};
    // FALLBACK(linux<5.8): one directory for all security modules.
    const auto own_file = procfs.open(label.path, O_WRONLY);
    if (!own_file && own_file.error().errnum() == ENOENT) label.path = "self/attr/exec";
    return set_label(procfs, label);
}

LabelWrite selinux_write(std::string path, const std::string& selinux_label) {
    return {std::move(path), selinux_label, text::cat("SELinux label ", text::printable(selinux_label)),
            kSelinuxPointer};
}

std::unexpected<Error> inactive(std::string what, std::string_view pointer) {
    return fail(Error(Code::Unsupported, std::move(what)).at(std::string(pointer)));
}
}  // namespace

SecurityModules active_security_modules() {
    SecurityModules modules;
    const auto apparmor = sys::read_file("/sys/module/apparmor/parameters/enabled");
    modules.apparmor = apparmor && apparmor->starts_with('Y');
    // selinuxfs is only mounted where SELinux is active.
    modules.selinux = ::access("/sys/fs/selinux/enforce", F_OK) == 0;
    return modules;
}

Result<> check_labels(const SecurityModules& modules, const std::string& apparmor_profile,
                      const std::string& selinux_label) {
    if (!apparmor_profile.empty() && !modules.apparmor)
        return inactive(text::cat("AppArmor profile ", text::printable(apparmor_profile),
                                  " is asked for, but AppArmor is not active on this host "
                                  "(`/proc/self/attr/apparmor/exec`)"),
                        kApparmorPointer);
    if (!selinux_label.empty() && !modules.selinux)
        return inactive(text::cat("SELinux label ", text::printable(selinux_label),
                                  " is asked for, but SELinux is not active on this host (`/proc/self/attr/exec`)"),
                        kSelinuxPointer);
    return {};
}

Result<> set_exec_labels(const sys::Procfs& procfs, const std::string& apparmor_profile,
                         const std::string& selinux_label) {
    if (!apparmor_profile.empty()) TRY(set_apparmor_profile(procfs, apparmor_profile));
    if (!selinux_label.empty()) TRY(set_label(procfs, selinux_write("self/attr/exec", selinux_label)));
    return {};
}

Result<> set_keyring_label(const sys::Procfs& procfs, const std::string& selinux_label) {
    if (selinux_label.empty()) return {};
    return set_label(procfs, selinux_write("self/attr/keycreate", selinux_label));
}

}  // namespace arca::privileges
