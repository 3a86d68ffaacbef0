#include "container/criu_images.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/text.hpp"
#include "container/prepare.hpp"
#include "criu/log.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
constexpr std::size_t kLargestLog = 256U << 20U;

/// With lsm-mount-context and single pre-dumps.
constexpr criu::Version kOldest{3, 16};

Result<sys::Fd> open_directory(const std::string& path, ImageDirectories::Missing missing) {
    if (missing == ImageDirectories::Missing::Make) {
        for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
            auto made = sys::mkdirat(sys::FdRef::working_directory(), path.substr(0, slash), 0700);
            if (!made && made.error().errnum() != EEXIST) return fail(std::move(made.error()));
            if (slash == std::string::npos) break;
        }
    }
    return sys::open(path, O_RDONLY | O_DIRECTORY);
}

Error unable(std::string what, std::string why) {
    return Error(Code::Unsupported, std::move(what)).hinting(std::move(why));
}
}  // namespace

Result<ImageDirectories> ImageDirectories::open(const ImageOptions& options, Missing missing) {
    ImageDirectories directories;
    directories.images_path = TRY(absolute_path(options.image_path));
    directories.work_path = options.work_path.empty() ? directories.images_path : TRY(absolute_path(options.work_path));
    directories.images = TRY_CTX(open_directory(directories.images_path, missing), "the directory of the images");
    directories.work = TRY_CTX(open_directory(directories.work_path, Missing::Make), "the directory of CRIU's log");
    return directories;
}

Result<> ImageDirectories::open_again() const {
    const auto exchange = [](const sys::Fd& directory, const std::string& path) -> Result<> {
        const auto opened = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
        if (::dup3(opened.number(), directory.number(), O_CLOEXEC) < 0) return sys::last_error("dup3");
        return {};
    };
    TRY(exchange(images, images_path));
    return exchange(work, work_path);
}

Places ImageDirectories::places(std::string config_file) const {
    return {images.number(), work.number(), std::move(config_file)};
}

std::string criu_config_file(const std::map<std::string, std::string>& annotations) {
    if (const auto annotated = annotations.find("org.criu.config"); annotated != annotations.end())
        return annotated->second;
    for (const char* path : {"/etc/criu/arca.conf", "/etc/criu/runc.conf"})
        if (sys::open(path, O_RDONLY)) return path;
    return {};
}

Result<> check_abilities(criu::Session& session, const ImageOptions& image, const CheckpointOptions* checkpoint) {
    const auto version = TRY(session.version());
    if (version.major < kOldest.major || (version.major == kOldest.major && version.minor < kOldest.minor))
        return fail(Code::Unsupported, text::cat("CRIU ", version.major, ".", version.minor, " is older than ",
                                                 kOldest.major, ".", kOldest.minor, ", which is needed"));
    const bool tracks = checkpoint != nullptr && (checkpoint->pre_dump || !checkpoint->parent_path.empty());
    if (!tracks && !image.lazy_pages) return {};
    const auto features = TRY(session.features());
    if (tracks && !features.memory_tracking)
        return fail(unable("this host cannot tell which memory has changed, which a pre-dump rests on",
                           "CRIU asked the kernel: it has no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)"));
    if (image.lazy_pages && !features.lazy_pages)
        return fail(unable("this host cannot fetch memory lazily",
                           "CRIU asked the kernel: userfaultfd(2) does not tell of forks and unmaps"));
    return {};
}

Result<criu::Response> judge(Result<criu::Response> outcome, std::string_view operation, const std::string& log_path) {
    if (outcome && outcome->success) return outcome;
    const auto log = sys::read_file(log_path, kLargestLog);
    const auto said = log ? criu::first_error(*log) : std::string();
    // A failure of our own part is the reason that CRIU gave up.
    if (!outcome && said.empty()) return outcome;
    std::string why = said;
    if (why.empty()) why = outcome->message.empty() ? "it does not say why" : text::printable(outcome->message);
    const int errnum = outcome ? outcome->errnum : 0;
    auto error = outcome ? Error(Code::System, text::cat("CRIU could not ", operation, " the container: ", why), errnum)
                         : std::move(outcome.error()).with(text::cat("CRIU: ", why));
    if (log) error = std::move(error).hinting(text::cat("the whole log is ", log_path));
    return fail(std::move(error));
}

}  // namespace arca::container
