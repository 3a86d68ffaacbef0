// A bundle made for one test: a small root filesystem around the probe, and a config.json that starts as what
// `arca spec` writes (terminal off) and is changed by the test as a value.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace integration {

using Json = nlohmann::json;

class Bundle {
  public:
    explicit Bundle(std::filesystem::path directory);

    Json config;

    const std::filesystem::path& path() const { return directory_; }
    std::filesystem::path rootfs() const { return directory_ / "rootfs"; }
    /// The configuration on disk becomes `config`.
    void write() const;

    Json& process() { return config["process"]; }
    Json& linux_() { return config["linux"]; }
    void args(const std::vector<std::string>& words) { config["process"]["args"] = words; }
    void add_mount(const std::string& destination, const std::string& type, const std::string& source,
                   const std::vector<std::string>& options);
    /// Removes the mount with that destination.
    void drop_mount(const std::string& destination);
    Json& mount_at(const std::string& destination);
    /// Adds the namespace, or sets its path.
    void set_namespace(const std::string& type, const std::string& path = "");
    void drop_namespace(const std::string& type);
    /// A user namespace with ids 0.. mapped to `host`..; root only needs to be able to reach the root filesystem.
    void map_ids(unsigned host, unsigned size);
    /// Gives the container all capabilities in all sets but the ambient one.
    void add_capabilities(const std::vector<std::string>& names);
    void set_capabilities(const Json& names);

    /// Files of the root filesystem.
    void file(const std::string& name, const std::string& content, int mode = 0644) const;
    void directory(const std::string& name, int mode = 0755) const;

  private:
    void make_rootfs() const;
    std::filesystem::path directory_;
};

/// The configuration a fresh bundle has, for the identity the tests run under.
Json default_config();

}  // namespace integration
