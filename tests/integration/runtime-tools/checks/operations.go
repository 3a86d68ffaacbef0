package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"
	rspec "github.com/opencontainers/runtime-spec/specs-go"
	. "github.com/opencontainers/runtime-tools/specerror"
	"github.com/opencontainers/runtime-tools/validate"
	"github.com/xeipuuv/gojsonschema"
)

const (
	schemas = "/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema/"
	forever = "while :; do sleep 0.1; done"
)

var operationChecks = []check{
	{"spec_passes_the_validator", NonRFCError, specPassesValidator},
	{"state_follows_the_schema", DefaultStateJSONPattern, stateFollowsSchema},
	{"state_of_nothing", QueryWithoutIDGenError, withoutID("state")},
	{"state_of_unknown", QueryNonExistGenError, ofUnknown("state")},
	{"state_has_annotations", QueryStateImplement, stateHasAnnotations},
	{"state_names_bundle_and_pid", QueryStateImplement, stateNamesBundleAndPid},
	{"create_of_nothing", CreateWithBundlePathAndID, withoutID("create")},
	{"create_is_created", CreateNewContainer, createIsCreated},
	{"create_twice", CreateWithUniqueID, createTwice},
	{"create_does_not_run_the_process", ProcArgsApplyUntilStart, createRunsNothing},
	{"create_bad_version", SpecVersionInSemVer, createRefuses(func(c *container) { c.SetOCIVersion("invalid") })},
	{"create_without_rootfs", RootPathExist, createRefuses(func(c *container) { c.SetRootPath("nowhere") })},
	{"create_ignores_unknown_properties", ExtensibilityIgnoreUnknownProp, unknownProperty},
	{"create_invalid_value", ValidValues, createRefuses(func(c *container) { c.Config.Linux.RootfsPropagation = "sideways" })},
	{"config_changes_have_no_effect", ConfigUpdatesWithoutAffect, configChanges},
	{"start_of_nothing", StartWithoutIDGenError, withoutID("start")},
	{"start_of_unknown", StartNotCreatedGenError, ofUnknown("start")},
	{"start_of_running", StartNotCreatedHaveNoEffect, startOfRunning},
	{"start_of_stopped", StartNotCreatedGenError, ofStopped("start")},
	{"start_without_process", StartWithProcUnsetGenError, startWithoutProcess},
	{"kill_of_nothing", KillWithoutIDGenError, withoutID("kill")},
	{"kill_of_unknown", KillNonCreateRunGenError, ofUnknown("kill")},
	{"kill_of_stopped", KillNonCreateRunGenError, ofStopped("kill")},
	{"kill_sends_the_signal", KillSignalImplement, killSendsSignal},
	{"kill_of_created", KillSignalImplement, killOfCreated},
	{"delete_of_nothing", DeleteWithoutIDGenError, withoutID("delete")},
	{"delete_of_unknown", DeleteNonStopGenError, ofUnknown("delete")},
	{"delete_of_created", DeleteNonStopGenError, deleteOfCreated},
	{"delete_of_running", DeleteNonStopHaveNoEffect, deleteOfRunning},
	{"delete_frees_resources", DeleteResImplement, deleteFrees},
	{"delete_leaves_other_resources", DeleteOnlyCreatedRes, deleteLeavesOthers},
	{"delete_frees_the_id", StateIDUniq, deleteFreesID},
}

func specPassesValidator(c *container) error {
	if _, err := c.call("spec", "--bundle", c.bundle); err != nil {
		return err
	}
	bytes, err := os.ReadFile(c.inBundle("config.json"))
	if err != nil {
		return err
	}
	v, err := validate.NewValidatorFromPath(c.bundle, true, "linux")
	if err != nil {
		return err
	}
	// All of CheckAll but the version, which is newer than the package, and the schema, which it would download.
	var found *multierror.Error
	for _, look := range []func() error{v.CheckPlatform, v.CheckRoot, v.CheckMandatoryFields, v.CheckMounts,
		v.CheckProcess, v.CheckLinux, v.CheckAnnotations, v.CheckHooks} {
		found = multierror.Append(found, look())
	}
	return inOrder(found.ErrorOrNil, func() error { return follows("config-schema.json", string(bytes)) })
}

func follows(schema, document string) error {
	result, err := gojsonschema.Validate(gojsonschema.NewReferenceLoader("file://"+schemas+schema),
		gojsonschema.NewStringLoader(document))
	if err != nil {
		return err
	}
	if !result.Valid() {
		return fmt.Errorf("%v", result.Errors())
	}
	return nil
}

func stateFollowsSchema(c *container) error {
	look := func() error {
		text, err := c.call("state", c.id)
		if err != nil {
			return err
		}
		return follows("state-schema.json", text)
	}
	c.script(forever)
	return inOrder(c.save, c.create, look, func() error { return c.operate("start") }, look,
		func() error { _, err := c.call("kill", c.id, "KILL"); return err },
		func() error { return c.await(rspec.StateStopped) }, look)
}

func withoutID(operation string) func(*container) error {
	return func(c *container) error {
		if err := c.save(); err != nil {
			return err
		}
		_, err := c.call(operation)
		return refused(err, operation)
	}
}

func ofUnknown(operation string) func(*container) error {
	return func(c *container) error { return refused(c.operate(operation), operation) }
}

func ofStopped(operation string) func(*container) error {
	return func(c *container) error {
		if _, err := c.output(); err != nil {
			return err
		}
		if err := refused(c.operate(operation), operation); err != nil {
			return err
		}
		return c.await(rspec.StateStopped)
	}
}

func stateHasAnnotations(c *container) error {
	c.AddAnnotation("com.example.key", "some value")
	if err := inOrder(c.save, c.create); err != nil {
		return err
	}
	state, err := c.state()
	if err != nil {
		return err
	}
	return same(state.Annotations["com.example.key"], "some value")
}

func stateNamesBundleAndPid(c *container) error {
	if err := inOrder(c.save, c.create); err != nil {
		return err
	}
	pid, err := c.pid()
	if err != nil {
		return err
	}
	state, err := c.state()
	if err != nil {
		return err
	}
	return same(state.ID+" "+state.Bundle+" "+strconv.Itoa(state.Pid), c.id+" "+c.bundle+" "+strconv.Itoa(pid))
}

func createIsCreated(c *container) error {
	return inOrder(c.save, c.create, func() error { return c.await(rspec.StateCreated) })
}

func createTwice(c *container) error {
	return inOrder(c.save, c.create, func() error { return refused(c.create(), "the second create") },
		func() error { return c.await(rspec.StateCreated) })
}

func createRunsNothing(c *container) error {
	c.script("echo >/ran")
	return inOrder(c.save, c.create, func() error { return absent(c.inRootfs("ran")) },
		func() error { return c.operate("start") }, func() error { return c.await(rspec.StateStopped) },
		func() error { _, err := os.Stat(c.inRootfs("ran")); return err })
}

// createRefuses also looks that a refused container is not there.
func createRefuses(spoil func(*container)) func(*container) error {
	return func(c *container) error {
		spoil(c)
		if err := c.save(); err != nil {
			return err
		}
		return refusesSaved(c)
	}
}

func refusesSaved(c *container) error {
	return inOrder(func() error { return refused(c.create(), "create") },
		func() error { return refused(c.operate("state"), "state of the container that was not created") })
}

func unknownProperty(c *container) error {
	return inOrder(c.save, func() error {
		return c.edit(func(config map[string]interface{}) { config["com.example.unknown"] = 7 })
	}, c.create)
}

func configChanges(c *container) error {
	c.script("echo before")
	change := func() error {
		c.script("echo after")
		return c.save()
	}
	return inOrder(c.save, c.create, change, func() error { return c.operate("start") },
		func() error { return c.await(rspec.StateStopped) },
		func() error { return fileIs(c.inBundle("create.out"), "before") })
}

func startOfRunning(c *container) error {
	c.script("echo >>/starts; " + forever)
	return inOrder(c.begin, func() error { return refused(c.operate("start"), "the second start") },
		func() error { return c.await(rspec.StateRunning) })
}

func startWithoutProcess(c *container) error {
	c.Config.Process = nil
	return inOrder(c.save, c.create, func() error { return refused(c.operate("start"), "start") })
}

func killSendsSignal(c *container) error {
	c.script("trap 'echo told; exit' TERM; echo >/ready; " + forever)
	if err := c.begin(); err != nil {
		return err
	}
	if err := appears(c.inRootfs("ready")); err != nil {
		return err
	}
	return inOrder(func() error { _, err := c.call("kill", c.id, "TERM"); return err },
		func() error { return c.await(rspec.StateStopped) },
		func() error { return fileIs(c.inBundle("create.out"), "told") })
}

func killOfCreated(c *container) error {
	return inOrder(c.save, c.create, func() error { _, err := c.call("kill", c.id, "KILL"); return err },
		func() error { return c.await(rspec.StateStopped) })
}

func deleteOfCreated(c *container) error {
	return inOrder(c.save, c.create, func() error { return refused(c.operate("delete"), "delete") })
}

func deleteOfRunning(c *container) error {
	c.script(forever)
	return inOrder(c.begin, func() error { return refused(c.operate("delete"), "delete") },
		func() error { return c.await(rspec.StateRunning) })
}

func deleteFrees(c *container) error {
	if _, err := c.output(); err != nil {
		return err
	}
	return inOrder(func() error { return c.operate("delete") },
		func() error { return refused(c.operate("state"), "state after delete") },
		func() error { return absent(cgroupRoot + c.cgroupPath()) })
}

func deleteLeavesOthers(c *container) error {
	other := cgroupRoot + c.cgroupPath() + "-other"
	if err := os.MkdirAll(other, 0o755); err != nil {
		return skip("no cgroup can be made: " + err.Error())
	}
	defer os.Remove(other)
	if err := deleteFrees(c); err != nil {
		return err
	}
	if _, err := os.Stat(other); err != nil {
		return errors.New("a neighbouring cgroup is gone")
	}
	return nil
}

func deleteFreesID(c *container) error {
	if _, err := c.output(); err != nil {
		return err
	}
	return inOrder(func() error { return c.operate("delete") }, func() error { return c.prints("echo again", "again") })
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
