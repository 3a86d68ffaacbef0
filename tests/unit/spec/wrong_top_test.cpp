#include <gtest/gtest.h>

#include "wrong.hpp"

namespace arca::spec::testing {
namespace {

void expect_wrong(const std::vector<Wrong>& table) {
    expect_each(table, [](std::string_view fragment) { return config_with(fragment); });
}

TEST(WrongTop, BaseIsGood) {
    auto parsed = parse_config(config_with(""));
    EXPECT_THAT(in_lines(parsed), ::testing::IsEmpty());
    EXPECT_THAT(parsed.notes, ::testing::IsEmpty());
}

TEST(WrongTop, Version) {
    expect_wrong({
        {R"("ociVersion": null)", "/ociVersion", "required, but missing"},
        {R"("ociVersion": 1.3)", "/ociVersion", "expected a string, got number 1.3"},
        {R"("ociVersion": "")", "/ociVersion", "\"\" is no semantic version (major.minor.patch, as in 1.3.0)"},
        {R"("ociVersion": "invalid")", "/ociVersion",
         "\"invalid\" is no semantic version (major.minor.patch, as in 1.3.0)"},
        {R"("ociVersion": "1.3")", "/ociVersion", "\"1.3\" is no semantic version (major.minor.patch, as in 1.3.0)"},
        {R"("ociVersion": "1.03.0")", "/ociVersion",
         "\"1.03.0\" is no semantic version (major.minor.patch, as in 1.3.0)"},
        {R"("ociVersion": "1.3.0-")", "/ociVersion",
         "\"1.3.0-\" is no semantic version (major.minor.patch, as in 1.3.0)"},
        {R"("ociVersion": "1.3.0+a..b")", "/ociVersion",
         "\"1.3.0+a..b\" is no semantic version (major.minor.patch, as in 1.3.0)"},
        {R"("ociVersion": "v1.3.0")", "/ociVersion",
         "\"v1.3.0\" is no semantic version (major.minor.patch, as in 1.3.0)"},
        {R"("ociVersion": "2.0.0")", "/ociVersion", "version 2.0.0 is not implemented; versions 1.x are"},
        {R"("ociVersion": "0.6.0")", "/ociVersion", "version 0.6.0 is not implemented; versions 1.x are"},
        {R"("ociVersion": "10.0.0")", "/ociVersion", "version 10.0.0 is not implemented; versions 1.x are"},
    });
}

TEST(WrongTop, RootAndNames) {
    expect_wrong({
        {R"("root": null)", "/root", "required, but missing"},
        {R"("root": "rootfs")", "/root", "expected an object, got string \"rootfs\""},
        {R"("root": {})", "/root/path", "required, but missing"},
        {R"("root": {"path": ""})", "/root/path", "must not be empty"},
        {R"("root": {"path": []})", "/root/path", "expected a string, got an array"},
        {R"("root": {"path": "a\u0000b"})", "/root/path", "the string has a NUL byte in it"},
        {R"("root": {"path": "r", "readonly": "yes"})", "/root/readonly", "expected true or false, got string \"yes\""},
        {R"("root": {"path": "r", "readonly": 1})", "/root/readonly", "expected true or false, got number 1"},
        {R"("hostname": 5)", "/hostname", "expected a string, got number 5"},
        {R"("hostname": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")", "/hostname",
         "longer than the 64 bytes that Linux allows"},
        {R"("hostname": "a", "linux": {})", "/hostname",
         "needs a uts namespace in linux.namespaces: it would rename the host"},
        {R"("domainname": "a", "linux": {})", "/domainname",
         "needs a uts namespace in linux.namespaces: it would rename the host"},
        {R"("annotations": [])", "/annotations", "expected an object, got an array"},
        {R"("annotations": {"": "x"})", "/annotations/", "the name of an annotation must not be empty"},
        {R"("annotations": {"a/b~c": 7})", "/annotations/a~1b~0c", "expected a string, got number 7"},
        {R"("annotations": {"a": true})", "/annotations/a", "expected a string, got true"},
        {R"("linux": [])", "/linux", "expected an object, got an array"},
        {R"("process": "sh")", "/process", "expected an object, got string \"sh\""},
    });
}

TEST(WrongTop, Mounts) {
    expect_wrong({
        {R"("mounts": {})", "/mounts", "expected an array, got an object"},
        {R"("mounts": ["/proc"])", "/mounts/0", "expected an object, got string \"/proc\""},
        {R"("mounts": [null])", "/mounts/0", "expected an object, got null"},
        {R"("mounts": [{"type": "proc"}])", "/mounts/0/destination", "required, but missing"},
        {R"("mounts": [{"destination": ""}])", "/mounts/0/destination", "must not be empty"},
        {R"("mounts": [{"destination": "/a", "options": "ro"}])", "/mounts/0/options",
         "expected an array, got string \"ro\""},
        {R"("mounts": [{"destination": "/a"}, {"destination": "/b", "options": ["ro", 1]}])", "/mounts/1/options/1",
         "expected a string, got number 1"},
        {R"("mounts": [{"destination": "/a", "type": false}])", "/mounts/0/type", "expected a string, got false"},
        {R"("mounts": [{"destination": "/a", "options": ["rbind"]}])", "/mounts/0/source",
         "a bind mount needs a source"},
        {R"("mounts": [{"destination": "/a", "type": "bind"}])", "/mounts/0/source", "a bind mount needs a source"},
    });
}

TEST(WrongTop, MappedMounts) {
    expect_wrong({
        {R"("mounts": [{"destination": "/a", "source": "/s", "type": "bind",
            "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}])",
         "/mounts/0/gidMappings", "required, because the mount has mappings of the other kind"},
        {R"("mounts": [{"destination": "/a", "source": "/s", "type": "bind",
            "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}])",
         "/mounts/0/uidMappings", "required, because the mount has mappings of the other kind"},
        {R"("mounts": [{"destination": "/a", "type": "tmpfs", "options": ["idmap"]}])", "/mounts/0",
         "only bind mounts can have mapped ids"},
        {R"("mounts": [{"destination": "/a", "source": "/s", "options": ["bind", "ridmap"]}],
            "linux": {"namespaces": [{"type": "mount"}]})",
         "/mounts/0/options",
         "idmap without uidMappings and gidMappings takes those of the container, which has no user namespace"},
        {R"("mounts": [{"destination": "/a", "source": "/s", "type": "bind",
            "uidMappings": [{"containerID": 0, "hostID": 1, "size": 0}],
            "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}])",
         "/mounts/0/uidMappings/0/size", "must be greater than 0"},
    });
}

TEST(WrongTop, Hooks) {
    expect_wrong({
        {R"("hooks": [])", "/hooks", "expected an object, got an array"},
        {R"("hooks": {"prestart": {}})", "/hooks/prestart", "expected an array, got an object"},
        {R"("hooks": {"poststop": [{}]})", "/hooks/poststop/0/path", "required, but missing"},
        {R"("hooks": {"createRuntime": [{"path": "/a"}, {"path": "bin/x"}]})", "/hooks/createRuntime/1/path",
         "expected an absolute path, got \"bin/x\""},
        {R"("hooks": {"createContainer": [{"path": "/a", "timeout": 0}]})", "/hooks/createContainer/0/timeout",
         "must be greater than 0"},
        {R"("hooks": {"startContainer": [{"path": "/a", "timeout": -5}]})", "/hooks/startContainer/0/timeout",
         "expected an unsigned integer, got number -5"},
        {R"("hooks": {"poststart": [{"path": "/a", "timeout": 1.5}]})", "/hooks/poststart/0/timeout",
         "expected an unsigned integer, got number 1.5"},
        {R"("hooks": {"poststart": [{"path": "/a", "args": "a"}]})", "/hooks/poststart/0/args",
         "expected an array, got string \"a\""},
    });
}

}  // namespace
}  // namespace arca::spec::testing
