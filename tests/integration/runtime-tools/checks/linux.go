package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	rspec "github.com/opencontainers/runtime-spec/specs-go"
	. "github.com/opencontainers/runtime-tools/specerror"
)

var linuxChecks = []check{
	{"default_filesystems", DefaultFilesystems, defaultFilesystems},
	{"default_devices", DefaultDevices, defaultDevices},
	{"default_symlinks", NonRFCError, func(c *container) error {
		return c.prints("for i in fd stdin stdout stderr; do readlink /dev/$i; done",
			"/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2")
	}},
	{"device", DevicesAvailable, device},
	{"device_in_the_way_of_a_file", DevicesFileNotMatch, deviceMismatch},
	{"masked_paths", NonRFCError, maskedPaths},
	{"masked_path_relative", MaskedPathsAbs, createRefuses(func(c *container) { c.AddLinuxMaskedPaths("some") })},
	{"readonly_paths", NonRFCError, readonlyPaths},
	{"readonly_path_relative", ReadonlyPathsAbs, createRefuses(func(c *container) { c.AddLinuxReadonlyPaths("some") })},
	{"sysctl", NonRFCError, func(c *container) error {
		c.AddLinuxSysctl("net.ipv4.ip_forward", "1")
		return c.prints("cat /proc/sys/net/ipv4/ip_forward", "1")
	}},
	{"seccomp_refuses_calls", NonRFCError, seccompRefuses},
	{"seccomp_without_names", SeccSyscallsNamesRequired, createRefuses(func(c *container) {
		c.Config.Linux.Seccomp.Syscalls = append(c.Config.Linux.Seccomp.Syscalls,
			rspec.LinuxSyscall{Names: []string{}, Action: rspec.ActErrno})
	})},
	{"namespaces_are_new", NSNewNSWithoutPath, namespacesAreNew},
	{"namespaces_are_inherited", NSInheritWithoutType, namespacesAreInherited},
	{"namespace_of_path", NSProcInPath, namespaceOfPath},
	{"namespace_of_wrong_type", NSPathMatchTypeError, createRefuses(func(c *container) {
		c.AddOrReplaceLinuxNamespace("ipc", "/proc/self/ns/uts")
	})},
	{"namespace_of_relative_path", NSPathAbs, createRefuses(func(c *container) {
		c.AddOrReplaceLinuxNamespace("ipc", "proc/self/ns/ipc")
	})},
	{"namespace_twice", NSErrorOnDup, createRefuses(func(c *container) {
		c.Config.Linux.Namespaces = append(c.Config.Linux.Namespaces, rspec.LinuxNamespace{Type: "ipc"})
	})},
	{"id_mappings", NonRFCError, idMappings},
	{"rootfs_propagation_shared", NonRFCError, propagation("shared", "shared:")},
	{"rootfs_propagation_slave", NonRFCError, propagation("slave", "master:")},
	{"rootfs_propagation_private", NonRFCError, propagation("private", "")},
	{"rootfs_propagation_unbindable", NonRFCError, propagation("unbindable", "unbindable")},
	{"cgroup_of_absolute_path", CgroupsAbsPathRelToMount, cgroupOfPath},
	{"cgroup_of_relative_path", CgroupsPathAttach, cgroupOfRelativePath},
	{"cgroup_memory_limit", NonRFCError, limit("memory", "memory.max", "67108864", func(c *container) {
		c.SetLinuxResourcesMemoryLimit(64 << 20)
	})},
	{"cgroup_memory_reservation", NonRFCError, limit("memory", "memory.low", "33554432", func(c *container) {
		c.SetLinuxResourcesMemoryReservation(32 << 20)
	})},
	{"cgroup_cpu_quota", NonRFCError, limit("cpu", "cpu.max", "20000 50000", func(c *container) {
		c.SetLinuxResourcesCPUQuota(20000)
		c.SetLinuxResourcesCPUPeriod(50000)
	})},
	{"cgroup_cpus", NonRFCError, limit("cpuset", "cpuset.cpus", "0", func(c *container) {
		c.SetLinuxResourcesCPUCpus("0")
	})},
	{"cgroup_pids_limit", NonRFCError, limit("pids", "pids.max", "100", func(c *container) {
		c.SetLinuxResourcesPidsLimit(100)
	})},
	{"cgroup_unified", NonRFCError, limit("memory", "memory.high", "50331648", func(c *container) {
		c.SetLinuxResourcesUnified(map[string]string{"memory.high": "50331648"})
	})},
	{"cgroup_unified_unknown", NonRFCError, createRefuses(func(c *container) {
		c.SetLinuxResourcesUnified(map[string]string{"no.such.key": "1"})
	})},
	{"cgroup_devices", DevicesApplyInOrder, cgroupDevices},
}

func defaultFilesystems(c *container) error {
	return c.prints("for i in /proc /sys /dev/pts /dev/shm; do grep \" $i \" /proc/self/mounts | cut -d' ' -f3; done",
		"proc\nsysfs\ndevpts\ntmpfs")
}

func defaultDevices(c *container) error {
	// 5,2 may be a link to /dev/pts/ptmx
	return c.prints("for i in null zero full random urandom tty; do stat -c '%F %t:%T' /dev/$i; done; [ -e /dev/ptmx ] && echo ptmx",
		strings.Join([]string{"character special file 1:3", "character special file 1:5", "character special file 1:7",
			"character special file 1:8", "character special file 1:9", "character special file 5:0", "ptmx"}, "\n"))
}

func device(c *container) error {
	mode, one := os.FileMode(0o640), uint32(1)
	c.AddDevice(rspec.LinuxDevice{Path: "/dev/some", Type: "c", Major: 1, Minor: 3, FileMode: &mode, UID: &one, GID: &one})
	c.AddDevice(rspec.LinuxDevice{Path: "/dev/pipe", Type: "p", FileMode: &mode})
	return c.prints("stat -c '%F %t:%T %a %u:%g' /dev/some; stat -c '%F' /dev/pipe", "character special file 1:3 640 1:1\nfifo")
}

func deviceMismatch(c *container) error {
	if err := os.WriteFile(c.inRootfs("some"), []byte("text"), 0o644); err != nil {
		return err
	}
	return createRefuses(func(c *container) {
		c.AddDevice(rspec.LinuxDevice{Path: "/some", Type: "c", Major: 1, Minor: 3})
	})(c)
}

func (c *container) place(directory, file string) error {
	if err := os.MkdirAll(c.inRootfs(directory), 0o755); err != nil {
		return err
	}
	return os.WriteFile(c.inRootfs(directory+"/"+file), []byte("text"), 0o644)
}

func maskedPaths(c *container) error {
	if err := c.place("some/deep", "file"); err != nil {
		return err
	}
	if err := c.place("other", "file"); err != nil {
		return err
	}
	c.AddLinuxMaskedPaths("/some/deep/file")
	c.AddLinuxMaskedPaths("/other")
	c.AddLinuxMaskedPaths("/nowhere")
	return c.prints("cat /some/deep/file; ls /other; echo x 2>/dev/null >/other/new || echo refused", "refused")
}

func readonlyPaths(c *container) error {
	if err := c.place("some", "file"); err != nil {
		return err
	}
	c.AddLinuxReadonlyPaths("/some")
	c.AddLinuxReadonlyPaths("/nowhere")
	return c.prints("cat /some/file; echo; echo x 2>/dev/null >/some/file || echo refused", "text\nrefused")
}

func seccompRefuses(c *container) error {
	c.Config.Linux.Seccomp.Syscalls = []rspec.LinuxSyscall{{Names: []string{"mkdir", "mkdirat"}, Action: rspec.ActErrno}}
	c.Config.Linux.Seccomp.DefaultAction = rspec.ActAllow
	return c.prints("mkdir /some 2>/dev/null || echo refused; touch /other && echo made", "refused\nmade")
}

var namespaceFiles = []string{"cgroup", "ipc", "mnt", "net", "pid", "uts", "user"}

func hostNamespace(file string) string {
	link, _ := os.Readlink("/proc/self/ns/" + file)
	return link
}

func (c *container) namespaces() (map[string]string, error) {
	c.script("for i in " + strings.Join(namespaceFiles, " ") + "; do readlink /proc/self/ns/$i; done")
	text, err := c.output()
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, link := range lines(text) {
		found[strings.SplitN(link, ":", 2)[0]] = link
	}
	return found, nil
}

func namespacesAreNew(c *container) error {
	c.AddOrReplaceLinuxNamespace("cgroup", "")
	c.AddOrReplaceLinuxNamespace("user", "")
	c.AddLinuxUIDMapping(100000, 0, 1000)
	c.AddLinuxGIDMapping(100000, 0, 1000)
	exec.Command("chown", "-R", "100000:100000", c.inRootfs("")).Run()
	found, err := c.namespaces()
	if err != nil {
		return err
	}
	for _, file := range namespaceFiles {
		if found[file] == "" || found[file] == hostNamespace(file) {
			return fmt.Errorf("%s is %q, the host's is %q", file, found[file], hostNamespace(file))
		}
	}
	return nil
}

func namespacesAreInherited(c *container) error {
	c.Config.Linux.Namespaces = []rspec.LinuxNamespace{{Type: "mount"}}
	c.RemoveHostname()
	// without an own network namespace sysfs can still be mounted by the host's root
	found, err := c.namespaces()
	if err != nil {
		return err
	}
	for _, file := range namespaceFiles {
		if own := file == "mnt"; own == (found[file] == hostNamespace(file)) {
			return fmt.Errorf("%s is %q, the host's is %q", file, found[file], hostNamespace(file))
		}
	}
	return nil
}

func namespaceOfPath(c *container) error {
	sleeper := exec.Command("unshare", "--ipc", "--uts", "--net", "sleep", "60")
	if err := sleeper.Start(); err != nil {
		return skip("no namespaces can be made: " + err.Error())
	}
	defer sleeper.Wait()
	defer sleeper.Process.Kill()
	ns := fmt.Sprintf("/proc/%d/ns/", sleeper.Process.Pid)
	want := map[string]string{}
	for _, file := range []string{"ipc", "uts", "net"} {
		for want[file] == "" || want[file] == hostNamespace(file) {
			want[file], _ = os.Readlink(ns + file)
		}
	}
	c.AddOrReplaceLinuxNamespace("ipc", ns+"ipc")
	c.AddOrReplaceLinuxNamespace("uts", ns+"uts")
	c.AddOrReplaceLinuxNamespace("network", ns+"net")
	found, err := c.namespaces()
	if err != nil {
		return err
	}
	for file := range want {
		if err := same(found[file], want[file]); err != nil {
			return err
		}
	}
	return nil
}

func idMappings(c *container) error {
	c.AddOrReplaceLinuxNamespace("user", "")
	c.AddLinuxUIDMapping(100000, 0, 1000)
	c.AddLinuxGIDMapping(200000, 0, 2000)
	if err := exec.Command("chown", "-R", "100000:200000", c.inRootfs("")).Run(); err != nil {
		return err
	}
	return c.prints("xargs </proc/self/uid_map; xargs </proc/self/gid_map; id -u", "0 100000 1000\n0 200000 2000\n0")
}

// propagation looks at the root mount's field of mountinfo: proc(5).
func propagation(kind, want string) func(*container) error {
	return func(c *container) error {
		if err := c.SetLinuxRootPropagation(kind); err != nil {
			return err
		}
		c.script("awk '$5 == \"/\" { print $7 }' /proc/self/mountinfo")
		got, err := c.output()
		if err != nil {
			return err
		}
		if (want == "" && got != "-") || !strings.HasPrefix(got, want) {
			return fmt.Errorf("mountinfo shows %q", got)
		}
		return nil
	}
}

// --- Control groups: the package reads only version 1, so these look at version 2's files themselves. --------------

func (c *container) cgroup() (string, error) {
	pid, err := c.pid()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", err
	}
	for _, line := range lines(string(text)) {
		if strings.HasPrefix(line, "0::") {
			return line[3:], nil
		}
	}
	return "", skip("no cgroup v2")
}

func cgroupOfPath(c *container) error {
	if err := inOrder(c.save, c.create); err != nil {
		return err
	}
	path, err := c.cgroup()
	if err != nil {
		return err
	}
	return same(path, c.cgroupPath())
}

func cgroupOfRelativePath(c *container) error {
	c.SetLinuxCgroupsPath("runtime-tools-relative/" + c.id)
	place := func() (string, error) {
		if err := inOrder(c.save, c.create); err != nil {
			return "", err
		}
		return c.cgroup()
	}
	first, err := place()
	if err != nil {
		return err
	}
	if _, err := c.call("delete", "--force", c.id); err != nil {
		return err
	}
	second, err := place()
	if err != nil {
		return err
	}
	return same(second, first)
}

func limit(controller, file, want string, set func(*container)) func(*container) error {
	return func(c *container) error {
		offered, _ := os.ReadFile(cgroupRoot + "/cgroup.controllers")
		if !strings.Contains(" "+strings.TrimSpace(string(offered))+" ", " "+controller+" ") {
			return skip("no " + controller + " controller in cgroup v2")
		}
		set(c)
		return inOrder(c.save, c.create, func() error { return fileIs(cgroupRoot+c.cgroupPath()+"/"+file, want) })
	}
}

// No driver has the numbers, so that an open says whether it got past the cgroup.
func cgroupDevices(c *container) error {
	major, denied := int64(240), int64(1)
	c.Config.Linux.Resources.Devices = nil
	c.AddLinuxResourcesDevice(true, "a", nil, nil, "rwm")
	c.AddLinuxResourcesDevice(false, "c", &major, &denied, "rw")
	return c.prints("for i in 1 2; do mknod /dev$i c 240 $i; cat /dev$i 2>&1 | sed 's/.*: //'; done",
		"Operation not permitted\nNo such device or address")
}
