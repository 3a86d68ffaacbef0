"""The bundles that the benchmarks run: a static busybox and a config.json, of two kinds.

spec     what `runc spec` writes, without a terminal
docker   what dockerd writes: default seccomp profile, 14 capabilities, a cgroup namespace, device rules, bind mounts,
         sysctls, a hook

Each kind comes as `true` (runs /bin/true) and as `sleep` (stays until it is killed).
"""

import copy
import json
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent
APPLETS = ("true", "sleep", "sh")
SLEEP = ["/bin/sleep", "100000"]
BOUND_FILES = ("resolv.conf", "hostname", "hosts")
BOUND_DIRECTORIES = 7

FEW_CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
DOCKER_CAPABILITIES = FEW_CAPABILITIES + [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETFCAP",
    "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"]

MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

# Refused by name in the engines' profiles, so that they fail with EPERM where anything unknown fails with ENOSYS.
REFUSED_SYSCALLS = [
    "acct", "bdflush", "bpf", "clock_settime", "clock_settime64", "delete_module", "fanotify_init", "finit_module",
    "init_module", "io_pgetevents", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "lookup_dcookie",
    "migrate_pages", "move_pages", "nfsservctl", "open_by_handle_at", "perf_event_open", "process_madvise",
    "query_module", "quotactl", "setdomainname", "sethostname", "setns", "settimeofday", "stime", "swapoff", "swapon",
    "sysfs", "uselib", "userfaultfd", "ustat", "vhangup", "vm86", "vm86old", "vmsplice"]


def mount(destination, kind, source, *options):
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def bind(destination, source, access):
    return mount(destination, "bind", str(source), "rbind", "rprivate", access)


def character_device(allow, major, minor):
    return {"allow": allow, "type": "c", "major": major, "minor": minor, "access": "rwm"}


def spec_config():
    hardened = ("nosuid", "noexec", "nodev")
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/true"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {name: FEW_CAPABILITIES for name in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "../rootfs", "readonly": True},
        "hostname": "bench",
        "mounts": [
            mount("/proc", "proc", "proc"),
            mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
                  "gid=5"),
            mount("/dev/shm", "tmpfs", "shm", *hardened, "mode=1777", "size=65536k"),
            mount("/dev/mqueue", "mqueue", "mqueue", *hardened),
            mount("/sys", "sysfs", "sysfs", *hardened, "ro"),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", *hardened, "relatime", "ro"),
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")],
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    }


def seccomp_profile():
    """About what dockerd resolves its default profile to for x86_64."""
    allowed = (HERE / "allowed-syscalls").read_text().split()
    personalities = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [
            {"names": allowed, "action": "SCMP_ACT_ALLOW"},
            *({"names": ["personality"], "action": "SCMP_ACT_ALLOW",
               "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]} for value in personalities),
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
            *({"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": 1} for name in REFUSED_SYSCALLS),
        ],
    }


def docker_config(directory):
    config = spec_config()
    process, linux = config["process"], config["linux"]
    process["capabilities"] = {name: DOCKER_CAPABILITIES for name in ("bounding", "effective", "permitted")}
    process["noNewPrivileges"] = False
    process["oomScoreAdj"] = 0
    process["env"] += ["HOSTNAME=bench", "HOME=/root"] + [f"VARIABLE_{i}=value{i}" for i in range(12)]
    config["root"]["readonly"] = False
    bound = directory / "bound"
    config["mounts"] += [bind(f"/etc/{name}", bound / name, "rw") for name in BOUND_FILES]
    config["mounts"] += [bind(f"/data/{i}", bound / str(i), "ro" if i % 2 else "rw") for i in range(BOUND_DIRECTORIES)]
    config["hooks"] = {"createRuntime": [{"path": str(directory / "rootfs/bin/busybox"), "args": ["true"]}]}
    linux["namespaces"].append({"type": "cgroup"})
    linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
    linux["resources"]["devices"] += [
        *(character_device(True, 1, minor) for minor in (3, 5, 8, 9)),
        *(character_device(True, 5, minor) for minor in (0, 1)),
        character_device(False, 10, 229)]
    linux["maskedPaths"] = MASKED + ["/proc/interrupts", "/sys/devices/virtual/powercap"]
    linux["seccomp"] = seccomp_profile()
    return config


def make_rootfs(directory, busybox):
    rootfs, bound = directory / "rootfs", directory / "bound"
    for name in ("bin", "dev", "proc", "sys", "etc", "root", "tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy2(busybox, rootfs / "bin/busybox")
    for applet in APPLETS:
        (rootfs / "bin" / applet).symlink_to("busybox")
    bound.mkdir()
    for name in BOUND_FILES:
        (rootfs / "etc" / name).touch()
        (bound / name).touch()
    for i in range(BOUND_DIRECTORIES):
        (rootfs / "data" / str(i)).mkdir(parents=True)
        (bound / str(i)).mkdir()


def write_bundle(directory, config, arguments):
    config = copy.deepcopy(config)
    config["process"]["args"] = arguments
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(config, indent=2))


def make(directory, busybox, kind="spec", seccomp=False):
    """Fills an empty directory with the bundles `true` and `sleep`."""
    directory = pathlib.Path(directory)
    make_rootfs(directory, busybox)
    config = docker_config(directory) if kind == "docker" else spec_config()
    if seccomp:
        config["linux"]["seccomp"] = seccomp_profile()
    write_bundle(directory / "true", config, ["/bin/true"])
    write_bundle(directory / "sleep", config, SLEEP)


# ---------------------------------------------------------------------------------------------------------------------
# Bundles that grow: each takes the plain configuration and a number, and returns the one to measure

def with_mounts(config, directory, number):
    sources = directory / "many"
    sources.mkdir(exist_ok=True)
    for i in range(number):
        (sources / str(i)).mkdir(exist_ok=True)
        (directory / "rootfs/data" / str(i)).mkdir(parents=True, exist_ok=True)
    config["mounts"] += [bind(f"/data/{i}", sources / str(i), "rw") for i in range(number)]


def with_environment(config, directory, number):
    config["process"]["env"] += [f"VARIABLE_{i}=some_value_{i}" for i in range(number)]


def with_seccomp_rules(config, directory, number):
    """Lines of one name each. The names repeat, so that the reading grows, not the program."""
    names = REFUSED_SYSCALLS
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": [names[i % len(names)]], "action": "SCMP_ACT_ERRNO"} for i in range(number)]}


def with_megabytes(config, directory, number):
    """Of annotations."""
    config["annotations"] = {f"org.example.key{i}": "v" * 80 for i in range(number * 2**20 // 110)}


GROWTH = {
    "mounts": (with_mounts, (1, 100, 1000)),
    "environment": (with_environment, (10, 1000, 10000)),
    "seccomp lines": (with_seccomp_rules, (10, 1000, 10000)),
    "megabytes of config": (with_megabytes, (1, 10)),
}


def write_grown(directory, name, base, change, number):
    """Beside what make() has made in `directory`."""
    config = copy.deepcopy(base)
    change(config, directory, number)
    write_bundle(directory / name, config, ["/bin/true"])
