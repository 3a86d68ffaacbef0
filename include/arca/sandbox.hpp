// A configuration for those who have none: a program in a directory with a root file system. create and run take it
// from a file, as they take a bundle's.
#pragma once

#include <string>
#include <vector>

namespace arca {

/// A program in a bare root file system, without a bundle.
struct Sandbox {
    std::string rootfs;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd = "/";
    std::vector<std::string> capabilities;  ///< kept ones; none unless named
    std::string hostname;
    bool terminal = false;
    bool writable = false;  ///< the root file system; else only /tmp and /run, which are the container's own
};
/// A configuration for it that gives away as little as most programs can do with; see arca-run(8).
std::string sandbox_config(const Sandbox& sandbox);

}  // namespace arca
