package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	rspec "github.com/opencontainers/runtime-spec/specs-go"
	. "github.com/opencontainers/runtime-tools/specerror"
)

var hookChecks = []check{
	{"prestart_runs_before_the_process", PrestartTiming, prestartBeforeProcess},
	{"prestart_failure_is_an_error", PrestartHookFailGenError, prestartFailure},
	{"poststart_runs_after_the_process", PoststartTiming, poststartAfterProcess},
	{"poststart_failure_is_a_warning", PoststartHookFailGenWarn, poststartFailure},
	{"poststop_runs_at_delete", PoststopTiming, poststopAtDelete},
	{"poststop_failure_is_a_warning", PoststopHookFailGenWarn, poststopFailure},
	{"hooks_run_in_order", PosixHooksCalledInOrder, hooksInOrder},
	{"hooks_get_the_state", PosixHooksStateToStdin, hooksGetState},
	{"hook_path_relative", PosixHooksPathAbs, createRefuses(func(c *container) {
		c.AddPreStartHook(rspec.Hook{Path: "bin/true"})
	})},
	{"hook_timeout_zero", PosixHooksTimeoutPositive, createRefuses(func(c *container) {
		zero := 0
		c.AddPreStartHook(rspec.Hook{Path: "/bin/true", Timeout: &zero})
	})},
}

func hook(text string) rspec.Hook {
	return rspec.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", text}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func (c *container) note(word string) rspec.Hook {
	return hook("echo " + word + " >>" + c.inRootfs("notes"))
}

func (c *container) notes() string {
	text, _ := os.ReadFile(c.inRootfs("notes"))
	return strings.Join(strings.Fields(string(text)), " ")
}

func (c *container) noted(want string) error { return same(c.notes(), want) }

func appears(path string) error {
	for deadline := time.Now().Add(stateLimit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Lstat(path); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s never appears", path)
}

func prestartBeforeProcess(c *container) error {
	c.AddPreStartHook(c.note("hook"))
	c.script("echo process >>/notes")
	if _, err := c.output(); err != nil {
		return err
	}
	return c.noted("hook process")
}

func prestartFailure(c *container) error {
	c.AddPreStartHook(hook("exit 3"))
	c.script("echo process >>/notes")
	return inOrder(func() error { return refused(c.begin(), "create and start") }, func() error { return c.noted("") })
}

func poststartAfterProcess(c *container) error {
	// the hook waits for the process, which is only there once it has been executed
	c.AddPostStartHook(hook(fmt.Sprintf("for i in 1 2 3 4 5 6 7 8 9; do [ -e %s ] && break; sleep 0.2; done; echo hook >>%s",
		c.inRootfs("notes"), c.inRootfs("notes"))))
	c.script("echo process >>/notes; " + forever)
	return inOrder(c.save, c.create, func() error { return c.noted("") }, func() error { return c.operate("start") },
		func() error { return c.noted("process hook") })
}

func poststartFailure(c *container) error {
	c.AddPostStartHook(hook("exit 3"))
	c.AddPostStartHook(c.note("second"))
	c.script(forever)
	return inOrder(c.begin, func() error { return c.await(rspec.StateRunning) }, func() error { return c.noted("second") })
}

func poststopAtDelete(c *container) error {
	c.AddPostStopHook(c.note("hook"))
	if _, err := c.output(); err != nil {
		return err
	}
	return inOrder(func() error { return c.noted("") }, func() error { return c.operate("delete") },
		func() error { return c.noted("hook") })
}

func poststopFailure(c *container) error {
	c.AddPostStopHook(hook("exit 3"))
	c.AddPostStopHook(c.note("second"))
	if _, err := c.output(); err != nil {
		return err
	}
	return inOrder(func() error { return c.operate("delete") }, func() error { return c.noted("second") },
		func() error { return refused(c.operate("state"), "state after delete") })
}

func hooksInOrder(c *container) error {
	for _, word := range []string{"1", "2"} {
		c.AddPreStartHook(c.note("prestart" + word))
		c.AddPostStartHook(c.note("poststart" + word))
		c.AddPostStopHook(c.note("poststop" + word))
	}
	if _, err := c.output(); err != nil {
		return err
	}
	return inOrder(func() error { return c.operate("delete") },
		func() error { return c.noted("prestart1 prestart2 poststart1 poststart2 poststop1 poststop2") })
}

func hooksGetState(c *container) error {
	keep := func(name string) rspec.Hook { return hook("cat >" + c.inBundle(name+".json")) }
	c.AddPreStartHook(keep("prestart"))
	c.AddPostStartHook(keep("poststart"))
	c.AddPostStopHook(keep("poststop"))
	c.AddAnnotation("com.example.key", "some value")
	c.script("sleep 0.5")
	if _, err := c.output(); err != nil {
		return err
	}
	if err := c.operate("delete"); err != nil {
		return err
	}
	for name, status := range map[string]string{"prestart": "creat", "poststart": "running", "poststop": "stopped"} {
		if err := c.hookState(name, status); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (c *container) hookState(name, status string) error {
	text, err := os.ReadFile(c.inBundle(name + ".json"))
	if err != nil {
		return err
	}
	state := rspec.State{}
	if err := json.Unmarshal(text, &state); err != nil {
		return err
	}
	if !strings.HasPrefix(string(state.Status), status) {
		return fmt.Errorf("the status is %q", state.Status)
	}
	return same(state.ID+" "+state.Bundle+" "+state.Annotations["com.example.key"], c.id+" "+c.bundle+" some value")
}
