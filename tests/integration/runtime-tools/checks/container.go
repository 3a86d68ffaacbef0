package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	rspec "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-tools/generate"
)

const (
	commandLimit = 20 * time.Second
	stateLimit   = 10 * time.Second
	cgroupRoot   = "/sys/fs/cgroup"
)

// container is one bundle with the generator's default configuration, and the container made of it.
type container struct {
	*generate.Generator
	runtime string
	id      string
	bundle  string
}

func newContainer(runtime, work, id string) (*container, error) {
	generator, err := generate.New("linux")
	if err != nil {
		return nil, err
	}
	c := &container{&generator, runtime, id, filepath.Join(work, id)}
	if err := os.MkdirAll(filepath.Join(c.bundle, "rootfs/bin"), 0o755); err != nil {
		return nil, err
	}
	if err := os.Link(filepath.Join(work, "busybox"), c.inRootfs("bin/busybox")); err != nil {
		return nil, err
	}
	if err := os.Symlink("busybox", c.inRootfs("bin/sh")); err != nil {
		return nil, err
	}
	c.SetLinuxCgroupsPath(c.cgroupPath())
	c.script("exit 0")
	return c, nil
}

func (c *container) inRootfs(path string) string { return filepath.Join(c.bundle, "rootfs", path) }
func (c *container) inBundle(path string) string { return filepath.Join(c.bundle, path) }
func (c *container) cgroupPath() string          { return "/runtime-tools-checks/" + c.id }

// script makes the container run shell text; busybox finds its own applets.
func (c *container) script(text string) { c.SetProcessArgs([]string{"/bin/sh", "-c", text}) }

func (c *container) save() error {
	return c.SaveToFile(c.inBundle("config.json"), generate.ExportOptions{})
}

// edit changes the saved configuration in ways that the typed one cannot express.
func (c *container) edit(change func(map[string]interface{})) error {
	bytes, err := os.ReadFile(c.inBundle("config.json"))
	if err != nil {
		return err
	}
	config := map[string]interface{}{}
	if err := json.Unmarshal(bytes, &config); err != nil {
		return err
	}
	change(config)
	if bytes, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(c.inBundle("config.json"), bytes, 0o644)
}

// call runs one command of the runtime. Its output goes to files, which the container's process may keep open.
func (c *container) call(arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	stdout, err := os.Create(c.inBundle(arguments[0] + ".out"))
	if err != nil {
		return "", err
	}
	defer stdout.Close()
	stderr, err := os.Create(c.inBundle(arguments[0] + ".err"))
	if err != nil {
		return "", err
	}
	defer stderr.Close()
	command := exec.CommandContext(ctx, c.runtime, append([]string{"--root", filepath.Dir(c.bundle) + "/state"}, arguments...)...)
	command.Dir, command.Stdout, command.Stderr = c.bundle, stdout, stderr
	err = command.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		said, _ := os.ReadFile(stderr.Name())
		err = fmt.Errorf("%s: %w: %s", arguments[0], err, strings.TrimSpace(string(said)))
	}
	printed, _ := os.ReadFile(stdout.Name())
	return string(printed), err
}

func (c *container) create() error {
	_, err := c.call("create", "--bundle", c.bundle, "--pid-file", c.inBundle("pid"), c.id)
	return err
}

func (c *container) operate(operation string) error {
	_, err := c.call(operation, c.id)
	return err
}

// begin saves, creates and starts.
func (c *container) begin() error {
	return inOrder(c.save, c.create, func() error { return c.operate("start") })
}

func (c *container) state() (rspec.State, error) {
	state := rspec.State{}
	text, err := c.call("state", c.id)
	if err == nil {
		err = json.Unmarshal([]byte(text), &state)
	}
	return state, err
}

func (c *container) await(status rspec.ContainerState) error {
	deadline := time.Now().Add(stateLimit)
	for {
		state, err := c.state()
		if err != nil || state.Status == status {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the status stays %q, not %q", state.Status, status)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// output is what the process of a whole run printed.
func (c *container) output() (string, error) {
	err := inOrder(c.begin, func() error { return c.await(rspec.StateStopped) })
	printed, _ := os.ReadFile(c.inBundle("create.out"))
	complaint, _ := os.ReadFile(c.inBundle("create.err"))
	if err == nil && len(complaint) > 0 {
		err = errors.New(strings.TrimSpace(string(complaint)))
	}
	return strings.TrimSpace(string(printed)), err
}

// prints runs shell text in the container and compares what it printed.
func (c *container) prints(text, want string) error {
	c.script(text)
	got, err := c.output()
	if err != nil {
		return err
	}
	return same(got, want)
}

func (c *container) pid() (int, error) {
	text, err := os.ReadFile(c.inBundle("pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}

func (c *container) cleanUp() {
	c.call("delete", "--force", c.id)
	os.Remove(cgroupRoot + c.cgroupPath())
}

// --- What checks are made of ---------------------------------------------------------------------------------------

func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func same(got, want interface{}) error {
	if got != want {
		return fmt.Errorf("%q instead of %q", fmt.Sprint(got), fmt.Sprint(want))
	}
	return nil
}

func refused(err error, what string) error {
	if err == nil {
		return errors.New(what + " succeeds")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s hangs", what)
	}
	return nil
}

func fileIs(path, want string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return same(strings.TrimSpace(string(text)), want)
}

func absent(path string) error {
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		return fmt.Errorf("%s is there", path)
	}
	return nil
}
