// CRIU's remote procedure calls as values (criu.org/RPC): what may be asked, what comes back. Knows the bytes of the
// messages, neither containers nor how they travel.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace arca::criu {

/// The numbers are CRIU's.
enum class Call : std::uint8_t {
    Dump = 1,
    Restore = 2,
    Notify = 6,
    FeatureCheck = 9,
    Version = 10,
    PreDump = 13,  ///< one round only (since CRIU 3.14)
};
enum class CgroupMode : std::uint8_t { Ignore = 0, Soft = 3, Full = 4, Strict = 5 };
enum class NetworkLock : std::uint8_t { Iptables = 1, Nftables = 2, Skip = 3 };

struct PageServer {
    std::string address;
    int port = 0;
    bool operator==(const PageServer&) const = default;
};

/// Of a dump or a restore. Directories are descriptors that the CRIU process has inherited.
struct Options {
    int images_directory = -1;
    int work_directory = -1;
    std::string log_file;
    pid_t pid = 0;  ///< of the container's init, to dump
    std::string root;
    std::string parent_images;  ///< relative to the images
    std::string config_file;
    bool leave_running = false;
    bool track_memory = false;
    bool external_unix_sockets = false;
    bool tcp_established = false;
    bool tcp_skip_in_flight = false;
    bool tcp_close = false;
    bool shell_job = false;
    bool file_locks = false;
    bool auto_dedup = false;
    bool link_remap = false;
    bool lazy_pages = false;
    std::optional<PageServer> page_server;
    CgroupMode cgroup_mode = CgroupMode::Soft;
    std::vector<std::pair<std::string, std::string>> cgroup_roots;  ///< controller (v2: none), path
    std::string freeze_cgroup;
    std::optional<NetworkLock> network_lock;
    std::vector<std::string> external;  ///< "mnt[/data]:/data"
    std::uint32_t empty_namespaces = 0;
    std::vector<std::pair<std::string, std::string>> joined;  ///< "ipc", path
    std::vector<std::pair<std::string, int>> inherited;       ///< key of the image, descriptor of the CRIU process
    std::string lsm_profile;
    std::string lsm_mount_context;
    bool as_sibling = false;  ///< what is restored becomes a child of CRIU's parent
};

struct Features {
    bool memory_tracking = false;
    bool lazy_pages = false;
};

struct Notification {
    std::string script;  ///< "post-restore"
    pid_t pid = 0;       ///< of the restored init, where there is one
};

struct Version {
    int major = 0;
    int minor = 0;
};

struct Response {
    Call call = Call::Dump;
    bool success = false;
    pid_t restored = 0;
    std::optional<Notification> notification;
    std::optional<Features> features;
    std::optional<Version> version;
    int errnum = 0;
    std::string message;
};

std::string encode_operation(Call call, const Options& options);
/// A question without options, after which CRIU waits for the next.
std::string encode_question(Call call);
enum class Verdict : std::uint8_t { GoOn, Abort };
std::string encode_answer(Verdict verdict);
Result<Response> decode(std::string_view message);

}  // namespace arca::criu
