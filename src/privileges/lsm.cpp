#include "privileges/lsm.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::privileges {

namespace {
constexpr std::string_view kApparmorPointer = "/process/apparmorProfile";
constexpr std::string_view kSelinuxPointer = "/process/selinuxLabel";

constexpr std::string_view kMountLabelPointer = "/linux/mountLabel";

/// A label, the file it goes to, and how a failure is told.
struct LabelWrite {
    std::string file;  ///< below /proc/self/attr
    std::string data;
    std::string wanted;   ///< what is to be read back
    std::string subject;  ///< "AppArmor profile docker-default"
    std::string_view pointer;

    bool is_apparmor() const { return pointer == kApparmorPointer; }
};

std::unexpected<Error> label_error(const LabelWrite& label, std::string_view operation, int errnum) {
    Error error(Code::System,
                text::cat("setting the ", label.subject, ": ", operation, " `/proc/self/attr/", label.file, "`"),
                errnum);
    return fail(std::move(error).at(std::string(label.pointer)));
}

std::string_view explain_write(int errnum, bool is_apparmor) {
    if (errnum == ENOENT && is_apparmor) return "no profile of that name is loaded in the kernel";
    if (errnum == EINVAL) return "the label is not valid, or its security module is not active on this host";
    return {};
}

// No links, no other mounts: the directory is that of the process, and so must the file be.
Result<sys::Fd> open_attribute(sys::FdRef attributes, const std::string& file, int flags) {
    return sys::openat2(attributes, file, static_cast<std::uint64_t>(flags), 0,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

Result<> write_label(sys::FdRef file, const LabelWrite& label) {
    if (::write(file.number(), label.data.data(), label.data.size()) == static_cast<ssize_t>(label.data.size()))
        return {};
    const int errnum = errno;
    auto error = label_error(label, "write", errnum);
    const auto hint = explain_write(errnum, label.is_apparmor());
    if (errnum == EINVAL) error = fail(std::move(error.error()).as(Code::Unsupported));
    return hint.empty() ? std::move(error) : fail(std::move(error.error()).hinting(std::string(hint)));
}

// A label that was taken and is not there would be no label at all (CVE-2019-16884).
Result<> verify_label(sys::FdRef attributes, const LabelWrite& label) {
    const auto file = open_attribute(attributes, label.file, O_RDONLY);
    if (!file) return label_error(label, "opening for reading back", file.error().errnum());
    const auto content = sys::read_all(*file);
    if (!content) return label_error(label, "reading back", content.error().errnum());
    const auto shown = text::trim(*content);
    if (label.is_apparmor() ? shows_profile(shown, label.wanted) : shows_label(shown, label.wanted)) return {};
    return label_error(label, text::cat("\"", text::printable(shown), "\" is read back from"), 0);
}

Result<> set_label(sys::FdRef attributes, const LabelWrite& label) {
    const auto file = open_attribute(attributes, label.file, O_WRONLY);
    if (!file) {
        auto error = label_error(label, "open", file.error().errnum());
        if (file.error().errnum() != ENOENT) return error;
        return fail(std::move(error.error()).as(Code::Unsupported).hinting("this kernel has no such security module"));
    }
    TRY(write_label(*file, label));
    return verify_label(attributes, label);
}

Result<> set_apparmor_profile(sys::FdRef attributes, const std::string& profile) {
    LabelWrite label{"apparmor/exec", text::cat("exec ", profile), profile,
                     text::cat("AppArmor profile ", text::printable(profile)), kApparmorPointer};
    // FALLBACK(linux<5.8): one directory for all security modules.
    const auto own_file = open_attribute(attributes, label.file, O_WRONLY);
    if (!own_file && own_file.error().errnum() == ENOENT) label.file = "exec";
    return set_label(attributes, label);
}

LabelWrite selinux_write(std::string file, const std::string& selinux_label) {
    return {std::move(file), selinux_label, selinux_label, text::cat("SELinux label ", text::printable(selinux_label)),
            kSelinuxPointer};
}

Result<sys::Fd> open_attributes(const sys::Procfs& procfs) {
    return procfs.open("self/attr", O_PATH | O_DIRECTORY);
}

/// What is before the last of the three colons of "user:role:type:range"; all of a label without a range.
std::string_view without_range(std::string_view label) {
    std::size_t at = 0;
    for (int colons = 0; colons < 3 && at != std::string_view::npos; ++colons)
        at = label.find(':', colons == 0 ? 0 : at + 1);
    return label.substr(0, at);
}

std::unexpected<Error> inactive(std::string what, std::string_view pointer) {
    return fail(Error(Code::Unsupported, std::move(what)).at(std::string(pointer)));
}
}  // namespace

SecurityModules active_security_modules(const std::string& sysfs) {
    SecurityModules modules;
    const auto apparmor = sys::read_file(sysfs + "/module/apparmor/parameters/enabled");
    modules.apparmor = apparmor && apparmor->starts_with('Y');
    // selinuxfs is only mounted where SELinux is active.
    modules.selinux = ::access((sysfs + "/fs/selinux/enforce").c_str(), F_OK) == 0;
    return modules;
}

bool shows_profile(std::string_view shown, std::string_view profile) {
    // A stack, or a profile of another namespace (":ns:name"): shown in a form of the kernel's.
    if (profile.find('&') != std::string_view::npos || profile.starts_with(':')) return !shown.empty();
    const auto mode = shown.rfind(" (");
    return shown == profile || (mode != std::string_view::npos && shown.substr(0, mode) == profile);
}

bool shows_label(std::string_view shown, std::string_view label) {
    return !shown.empty() && without_range(shown) == without_range(label);
}

Result<> check_labels(const SecurityModules& modules, const LabelWishes& wishes) {
    if (!wishes.apparmor_profile.empty() && !modules.apparmor)
        return inactive(text::cat("AppArmor profile ", text::printable(wishes.apparmor_profile),
                                  " is asked for, but AppArmor is not active on this host "
                                  "(`/proc/self/attr/apparmor/exec`)"),
                        kApparmorPointer);
    const bool for_mounts = wishes.selinux_label.empty();
    const auto& label = for_mounts ? wishes.mount_label : wishes.selinux_label;
    if (!label.empty() && !modules.selinux)
        return inactive(text::cat("SELinux label ", text::printable(label),
                                  " is asked for, but SELinux is not active on this host (`/proc/self/attr/exec`)"),
                        for_mounts ? kMountLabelPointer : kSelinuxPointer);
    return {};
}

Result<> write_exec_labels(sys::FdRef attributes, const std::string& apparmor_profile,
                           const std::string& selinux_label) {
    if (!apparmor_profile.empty()) TRY(set_apparmor_profile(attributes, apparmor_profile));
    if (!selinux_label.empty()) TRY(set_label(attributes, selinux_write("exec", selinux_label)));
    return {};
}

Result<> set_exec_labels(const sys::Procfs& procfs, const std::string& apparmor_profile,
                         const std::string& selinux_label) {
    if (apparmor_profile.empty() && selinux_label.empty()) return {};
    return write_exec_labels(TRY(open_attributes(procfs)), apparmor_profile, selinux_label);
}

Result<> set_keyring_label(const sys::Procfs& procfs, const std::string& selinux_label) {
    if (selinux_label.empty()) return {};
    return set_label(TRY(open_attributes(procfs)), selinux_write("keycreate", selinux_label));
}

}  // namespace arca::privileges
