#include "arca/error.hpp"

#include <cerrno>
#include <cstring>

#include "base/progress.hpp"
#include "base/text.hpp"

namespace arca {

Error::Error(Code code, std::string what, int errnum)
    : detail_(new Detail{code, errnum, progress::current(), std::move(what), {}, {}, {}, {}, {}}) {}

Error&& Error::with(std::string frame) && {
    detail_->context.push_back(std::move(frame));
    return std::move(*this);
}

Error&& Error::at(std::string json_pointer) && {
    if (detail_->pointer.empty()) detail_->pointer = std::move(json_pointer);
    return std::move(*this);
}

Error&& Error::in(Step step) && {
    detail_->step = step;
    return std::move(*this);
}

Error&& Error::as(Code code) && {
    detail_->code = code;
    return std::move(*this);
}

Error&& Error::hinting(std::string sentence) && {
    if (detail_->hint.empty()) detail_->hint = std::move(sentence);
    return std::move(*this);
}

Error&& Error::also(std::string failure) && {
    detail_->also.push_back(std::move(failure));
    return std::move(*this);
}

Error&& Error::showing(std::string evidence) && {
    detail_->evidence = std::move(evidence);
    return std::move(*this);
}

namespace {
// Whether a text tells that pointer already, and not just a longer one ("/mounts/1" in "/mounts/12").
bool names(std::string_view text, std::string_view pointer) {
    for (auto at = text.find(pointer); at != std::string_view::npos; at = text.find(pointer, at + 1)) {
        const auto end = at + pointer.size();
        if (end == text.size() || std::string_view(" :,;)").find(text[end]) != std::string_view::npos) return true;
    }
    return false;
}
}  // namespace

std::string Error::message() const {
    std::string out;
    for (auto frame = detail_->context.rbegin(); frame != detail_->context.rend(); ++frame)
        out += *frame + ": ";
    if (!detail_->pointer.empty() && !names(out, detail_->pointer) && !names(detail_->what, detail_->pointer))
        out += detail_->pointer + ": ";
    out += detail_->what;
    if (detail_->errnum != 0) out += ": " + describe_errno(detail_->errnum);
    if (!detail_->hint.empty()) out += " (" + detail_->hint + ")";
    if (!detail_->also.empty()) out += " (also: " + text::join(detail_->also, "; ") + ")";
    return out;
}

std::string errno_name(int errnum) {
    const char* known = strerrorname_np(errnum);
    return known != nullptr ? known : text::cat("errno ", errnum);
}

std::string describe_errno(int errnum) {
    std::string words;
    switch (errnum) {
        case ENOENT:
            words = "absent";
            break;
        case EACCES:
        case EPERM:
            words = "refused";
            break;
        case ESRCH:
            words = "the process is gone";
            break;
        case ENOSYS:
            words = "not offered by this kernel";
            break;
        default:
            words = strerrordesc_np(errnum) != nullptr ? strerrordesc_np(errnum) : "unknown error";
            words[0] = text::lower(words.substr(0, 1))[0];
    }
    return text::cat(words, " (", errno_name(errnum), ")");
}

std::string_view name(Code code) {
    switch (code) {
        case Code::Internal:
            return "Internal";
        case Code::Usage:
            return "Usage";
        case Code::InvalidConfig:
            return "InvalidConfig";
        case Code::Unsupported:
            return "Unsupported";
        case Code::ContainerNotFound:
            return "ContainerNotFound";
        case Code::ContainerExists:
            return "ContainerExists";
        case Code::WrongState:
            return "WrongState";
        case Code::NotRunning:
            return "NotRunning";
        case Code::ExecNotFound:
            return "ExecNotFound";
        case Code::ExecPermission:
            return "ExecPermission";
        case Code::ExecFailed:
            return "ExecFailed";
        case Code::HookFailed:
            return "HookFailed";
        case Code::InitDied:
            return "InitDied";
        case Code::Timeout:
            return "Timeout";
        case Code::BadState:
            return "BadState";
        case Code::System:
            return "System";
    }
    return "?";
}

}  // namespace arca
