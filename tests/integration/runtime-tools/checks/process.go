package main

import (
	"fmt"
	"os"
	"strings"

	rspec "github.com/opencontainers/runtime-spec/specs-go"
	. "github.com/opencontainers/runtime-tools/specerror"
)

var processChecks = []check{
	{"default_configuration_runs", NonRFCError, func(c *container) error { return c.prints("echo ran", "ran") }},
	{"process_environment", NonRFCError, environment},
	{"process_cwd", NonRFCError, cwd},
	{"process_cwd_relative", ProcCwdAbs, createRefuses(func(c *container) { c.SetProcessCwd("tmp") })},
	{"process_without_arguments", ProcArgsOneEntryRequired, createRefuses(func(c *container) { c.SetProcessArgs([]string{}) })},
	{"process_user", NonRFCError, user},
	{"process_umask", NonRFCError, umask},
	{"process_console_size_without_terminal", ProcConsoleSizeIgnore, consoleSize},
	{"rlimits", PosixProcRlimitsSoftMatchCur, rlimits},
	{"rlimit_unknown", PosixProcRlimitsTypeGenError, createRefuses(func(c *container) {
		c.AddProcessRlimits("RLIMIT_TEST", 1, 1)
	})},
	{"rlimit_twice", PosixProcRlimitsErrorOnDup, createRefuses(func(c *container) {
		again := c.Config.Process.Rlimits[0]
		c.Config.Process.Rlimits = append(c.Config.Process.Rlimits, again)
	})},
	{"capabilities", NonRFCError, capabilities},
	{"capability_unknown", LinuxProcCapError, createRefuses(func(c *container) {
		c.Config.Process.Capabilities.Bounding = append(c.Config.Process.Capabilities.Bounding, "CAP_TEST")
	})},
	{"no_new_privileges", NonRFCError, func(c *container) error {
		c.SetProcessNoNewPrivileges(true)
		return c.prints("grep NoNewPrivs: /proc/self/status | tr -d '\\t'", "NoNewPrivs:1")
	}},
	{"oom_score_adj", LinuxProcOomScoreAdjSet, func(c *container) error {
		c.SetProcessOOMScoreAdj(1000)
		return c.prints("cat /proc/self/oom_score_adj", "1000")
	}},
	{"oom_score_adj_unset", LinuxProcOomScoreAdjNotSet, oomScoreUnset},
	{"hostname", NonRFCError, func(c *container) error {
		c.SetHostname("some-host")
		return c.prints("hostname", "some-host")
	}},
	{"root_readonly", RootReadonlyImplement, func(c *container) error {
		c.SetRootReadonly(true)
		return c.prints("echo text 2>/dev/null >/new || echo refused", "refused")
	}},
	{"mounts_in_order", MountsInOrder, mountsInOrder},
	{"mount_options", NonRFCError, mountOptions},
}

func environment(c *container) error {
	c.ClearProcessEnv()
	c.AddProcessEnv("SOME", "value")
	c.AddProcessEnv("EMPTY", "")
	return c.prints("tr '\\0' '\\n' </proc/1/environ | grep -E '^(SOME|EMPTY|TERM)='", "SOME=value\nEMPTY=")
}

func cwd(c *container) error {
	c.SetProcessCwd("/some")
	if err := os.Mkdir(c.inRootfs("some"), 0o755); err != nil {
		return err
	}
	return c.prints("pwd", "/some")
}

func user(c *container) error {
	c.SetProcessUID(5)
	c.SetProcessGID(6)
	c.AddProcessAdditionalGid(7)
	c.AddProcessAdditionalGid(8)
	return c.prints("grep -E '^(Uid|Gid|Groups):' /proc/self/status | xargs", "Uid: 5 5 5 5 Gid: 6 6 6 6 Groups: 7 8")
}

func umask(c *container) error {
	c.SetProcessUmask(0o27)
	return c.prints("umask", "0027")
}

func consoleSize(c *container) error {
	c.SetProcessConsoleSize(80, 25)
	return c.prints("echo ran", "ran")
}

func rlimits(c *container) error {
	c.AddProcessRlimits("RLIMIT_NOFILE", 200, 100)
	c.AddProcessRlimits("RLIMIT_CORE", 4096, 2048)
	return c.prints("ulimit -Sn; ulimit -Hn; sed -n 's/^Max core file size *\\([0-9]* *[0-9]*\\).*/\\1/p' /proc/self/limits | xargs",
		"100\n200\n2048 4096")
}

func capabilities(c *container) error {
	some := []string{"CAP_CHOWN", "CAP_KILL"} // bits 0 and 5
	c.Config.Process.Capabilities = &rspec.LinuxCapabilities{
		Bounding: append(some, "CAP_SETUID"), Effective: some, Permitted: some, Inheritable: some[:1], Ambient: some[:1],
	}
	// Root's execve raises permitted and effective to what inheritable and bounding hold: capabilities(7).
	return c.prints("grep ^Cap /proc/self/status | sed 's/\\t0*/ /'",
		"CapInh: 1\nCapPrm: a1\nCapEff: a1\nCapBnd: a1\nCapAmb: 1")
}

func oomScoreUnset(c *container) error {
	ours, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return err
	}
	return c.prints("cat /proc/self/oom_score_adj", strings.TrimSpace(string(ours)))
}

func (c *container) tmpfs(destination string, options ...string) {
	c.AddMount(rspec.Mount{Destination: destination, Type: "tmpfs", Source: "tmpfs", Options: options})
}

func mountsInOrder(c *container) error {
	// were the outer one mounted last, it would hide the inner one
	c.tmpfs("/outer")
	c.tmpfs("/outer/inner")
	return c.prints("grep -o ' /outer[a-z/]* ' /proc/self/mounts", "/outer \n /outer/inner")
}

func mountOptions(c *container) error {
	c.tmpfs("/some", "nosuid", "nodev", "noexec", "ro", "size=1m")
	c.script("grep ' /some ' /proc/self/mounts | cut -d' ' -f4")
	got, err := c.output()
	if err != nil {
		return err
	}
	for _, option := range []string{"ro", "nosuid", "nodev", "noexec", "size=1024k"} {
		if !strings.Contains(","+got+",", ","+option+",") {
			return fmt.Errorf("no %s in %s", option, got)
		}
	}
	return nil
}
