// A container as files, and a container of files: by CRIU.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arca/container.hpp"

namespace arca {

/// Whether CRIU makes and restores cgroups below the container's, and their properties, as well.
enum class CgroupRestoring : std::uint8_t { Soft, Full, Strict, Ignore };
/// How CRIU keeps packets away from a network namespace that it dumps.
enum class NetworkLock : std::uint8_t { Default, Iptables, Nftables, Skip };

/// What checkpoint and restore share.
struct ImageOptions {
    std::string image_path = "checkpoint";  ///< directory of the images
    std::string work_path;                  ///< directory of CRIU's log; empty: that of the images
    bool tcp_established = false;
    bool external_unix_sockets = false;
    bool shell_job = false;
    bool file_locks = false;
    bool link_remap = false;
    bool auto_dedup = false;
    bool lazy_pages = false;
    bool empty_network = false;  ///< the network namespace's content is left out
    CgroupRestoring cgroups = CgroupRestoring::Soft;
    NetworkLock network_lock = NetworkLock::Default;
};

struct CheckpointOptions {
    std::string id;
    ImageOptions image;
    std::string parent_path;  ///< images of an earlier pre-dump, relative to image_path
    bool leave_running = false;
    bool pre_dump = false;  ///< only memory, and the container goes on
    bool tcp_skip_in_flight = false;
    std::string page_server;                 ///< "ADDRESS:PORT" that takes the memory
    std::optional<std::uint16_t> status_fd;  ///< gets a null byte when the server of lazy pages is ready
};
/// Writes the container's processes to images. Unless it is left running, the container is deleted.
Result<> checkpoint(const Runtime& runtime, const CheckpointOptions& options);

struct RestoreOptions {
    std::string id;
    ImageOptions image;
    std::string bundle = ".";
    std::string console_socket;
    std::string pid_file;
    bool detach = false;
    bool no_subreaper = false;
    bool no_pivot = false;
    bool tcp_close = false;
    std::string lsm_profile;  ///< "apparmor:NAME", "selinux:LABEL"
    std::string lsm_mount_context;
};
/// Makes a container of images. Returns the exit status of its process (128 + signal); 0 when detached.
Result<int> restore(const Runtime& runtime, const RestoreOptions& options);

}  // namespace arca
