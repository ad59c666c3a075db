package pod

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Exit codes as shells have them.
const (
	ExitNotExecutable = 126
	ExitNoCommand     = 127
)

// NoUser, after a token that the caller chose, is all that is written to standard error when the user does not exist.
const NoUser = ":no-user"

// RunArgs are the arguments that run e.Command as e.User, in e.Dir, with e.Env.
func RunArgs(token string, e backends.Exec) []string {
	args := []string{Run, "-token", token}
	if e.User != "" {
		args = append(args, "-user", e.User)
	}
	if e.Dir != "" {
		args = append(args, "-dir", e.Dir)
	}
	for name, value := range e.Env {
		args = append(args, "-env", name+"="+value)
	}
	return append(append(args, "--"), e.Command...)
}

// run becomes the command; it only returns when it cannot.
func run(args []string, errOut io.Writer) int {
	flags := flag.NewFlagSet(Run, flag.ContinueOnError)
	flags.SetOutput(errOut)
	token := flags.String("token", "", "")
	as := flags.String("user", "", "")
	dir := flags.String("dir", "", "")
	flags.Func("env", "", func(v string) error {
		name, value, _ := strings.Cut(v, "=")
		return os.Setenv(name, value)
	})
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return 2
	}
	if *as != "" {
		uid, gid, err := identity(*as)
		if err != nil {
			fmt.Fprint(errOut, *token+NoUser)
			return ExitNotExecutable
		}
		if err := become(uid, gid); err != nil {
			fmt.Fprintf(errOut, "becoming user %s: %v\n", *as, err)
			return ExitNotExecutable
		}
	}
	if *dir != "" {
		if err := os.Chdir(*dir); err != nil {
			fmt.Fprintln(errOut, err)
			return ExitNotExecutable
		}
	}
	name := flags.Arg(0)
	at, err := exec.LookPath(name)
	if err == nil {
		err = syscall.Exec(at, flags.Args(), os.Environ())
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(errOut, "%s: not found\n", name)
		return ExitNoCommand
	}
	fmt.Fprintf(errOut, "%s: %v\n", name, err)
	return ExitNotExecutable
}

// identity reads "name", "uid" or "uid:gid", with the container's own /etc/passwd.
func identity(s string) (uid, gid int, err error) {
	name, group, hasGroup := strings.Cut(s, ":")
	if uid, err = strconv.Atoi(name); err != nil {
		u, err := user.Lookup(name)
		if err != nil {
			return 0, 0, err
		}
		uid, _ = strconv.Atoi(u.Uid) // numbers, on Linux
		gid, _ = strconv.Atoi(u.Gid)
	}
	if !hasGroup {
		return uid, gid, nil
	}
	if gid, err = strconv.Atoi(group); err != nil {
		g, err := user.LookupGroup(group)
		if err != nil {
			return 0, 0, err
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return uid, gid, nil
}
