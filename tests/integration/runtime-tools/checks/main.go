// Command checks holds a runtime to the rules of the OCI runtime specification that Debian's package of runtime-tools
// knows: configurations come from its generator, verdicts cite its table of rules.
//
//	checks RUNTIME WORKDIR
//	checks --list
//
// One line per check: `ok NAME`, `not ok NAME: REASON` or `skip NAME: REASON`. WORKDIR holds a static busybox.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/runtime-tools/specerror"
)

type check struct {
	name string
	rule specerror.Code
	run  func(*container) error
}

// skip is the reason why this host cannot tell.
type skip string

func (s skip) Error() string { return string(s) }

func verdict(runtime, work string, number int, c check) string {
	made, err := newContainer(runtime, work, fmt.Sprintf("check-%d", number))
	if err != nil {
		return fmt.Sprintf("not ok %s: no bundle: %v", c.name, err)
	}
	defer os.RemoveAll(made.bundle)
	defer made.cleanUp()
	if err = c.run(made); err == nil {
		return "ok " + c.name
	}
	if reason := skip(""); errors.As(err, &reason) {
		return fmt.Sprintf("skip %s: %s", c.name, reason)
	}
	if c.rule != specerror.NonRFCError {
		err = specerror.NewError(c.rule, err, "1.0.2")
	}
	return fmt.Sprintf("not ok %s: %s", c.name, strings.Join(strings.Fields(err.Error()), " "))
}

func main() {
	all := append(append(operationChecks, hookChecks...), append(processChecks, linuxChecks...)...)
	if len(os.Args) == 2 && os.Args[1] == "--list" {
		for _, c := range all {
			fmt.Println(c.name)
		}
		return
	}
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: checks RUNTIME WORKDIR | checks --list")
		os.Exit(2)
	}
	for number, c := range all {
		fmt.Println(verdict(os.Args[1], os.Args[2], number, c))
	}
}
