package cli

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
	"github.com/kurtosis-go/kurtosis/engine/image"
)

// engineVariable names the engine that commands talk to, among several on one machine.
const engineVariable = "KURTOSIS_ENGINE"

// engineName is the engine that commands talk to unless a flag says otherwise.
func engineName() (string, error) {
	if name := os.Getenv(engineVariable); name != "" {
		return name, nil
	}
	s, err := readSettings()
	return cmp.Or(s.Engine, engine.DefaultName), err
}

// labelProgram tells builds apart that call themselves by the same version.
const labelProgram = backends.LabelPrefix + "program"

// engineProgram is the program that engines are made of: this one, or where it can't run in a container of Docker's, the
// one for Linux beside it.
func engineProgram(platform string) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	if image.Usable(own, platform) == nil {
		return own, nil
	}
	_, arch, _ := strings.Cut(platform, "/")
	arch, _, _ = strings.Cut(arch, "/") // a variant, as of arm64/v8
	beside := filepath.Join(filepath.Dir(own), "kurtosis-linux-"+arch)
	if _, err := os.Stat(beside); errors.Is(err, fs.ErrNotExist) {
		return own, nil // the image says what is wrong with it
	}
	return beside, nil
}

// fingerprint is what Go's linker calls a program, which changes with its content; "" where it can't be read. It is
// much quicker than a hash of the whole file.
func fingerprint(program string) string {
	f, err := elf.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	section := f.Section(".note.go.buildid")
	if section == nil {
		return ""
	}
	note, err := section.Data()
	const head = 16 // three lengths and "Go\0\0"
	if err != nil || len(note) < head {
		return ""
	}
	return string(bytes.TrimRight(note[head:], "\x00"))
}

// otherVersion says that an engine was made by another version of this program.
func otherVersion(name string, s backends.System) error {
	message := fmt.Sprintf("the engine '%s' that runs is of another version (%s, this is %s)", name, s.Labels[backends.LabelBuild], Version)
	if s.Labels[backends.LabelBuild] == Version {
		message = fmt.Sprintf("the engine '%s' that runs is of another build of this version (%s)", name, Version)
	}
	return &faultError{message, "'kurtosis engine restart' replaces it; enclaves and their services stay"}
}

// isOutdated compares an engine that runs with what this program would start, without reading all of the program.
func isOutdated(ctx context.Context, b engine.Backend, s backends.System) (bool, error) {
	if s.Labels[backends.LabelBuild] != Version {
		return true, nil
	}
	made := s.Labels[labelProgram]
	if made == "" || namedImage() != "" {
		return false, nil // of a registry's image, which has a version and nothing else
	}
	// That the engine runs says that its program can: where it is this one, there is no need to ask for the platform.
	own, err := os.Executable()
	if err != nil {
		return false, err
	}
	if fingerprint(own) == made {
		return false, nil
	}
	info, err := b.Info(ctx)
	if err != nil {
		return false, err
	}
	program, err := engineProgram(info.Platform)
	if err != nil {
		return false, err
	}
	wanted := fingerprint(program)
	return wanted != "" && wanted != made, nil
}

// ensureEngine finds an engine, or starts it. One that was made by another version is an error.
func (a *app) ensureEngine(ctx context.Context, b engine.Backend, name string) (backends.System, error) {
	found, ok, err := findEngine(ctx, b, name)
	if err != nil {
		return backends.System{}, err
	}
	if ok && found.State == backends.Running {
		outdated, err := isOutdated(ctx, b, found)
		if err == nil && outdated {
			err = otherVersion(name, found)
		}
		return found, err
	}
	f := &engineFlags{name: name, listen: defaultListen, retention: engine.DefaultRetention}
	if name == engine.DefaultName {
		f.port = engine.Port
	} // else any free one: that of the SDKs is the default engine's
	if err := f.complete(); err != nil {
		return backends.System{}, err
	}
	a.progress(fmt.Sprintf("starting engine '%s'", name))
	if ok { // what it kept is in its volume
		if err := b.RemoveSystem(ctx, found.ID); err != nil {
			return backends.System{}, err
		}
	}
	started, err := launchEngine(ctx, b, f)
	kind := backends.KindOf(err)
	if kind != backends.PortTaken && kind != backends.AlreadyExists {
		return started, err
	}
	// Somebody may have started it at the same moment.
	if other, ok, findErr := findEngine(ctx, b, name); findErr == nil && ok {
		return other, engine.AwaitReady(ctx, b, other, time.Time{})
	}
	if kind == backends.AlreadyExists {
		return backends.System{}, err
	}
	return backends.System{}, &faultError{
		fmt.Sprintf("the engine '%s' can't start: port %d is taken on this machine", name, f.port),
		"'kurtosis engine start --port' chooses another; `ss -tulpn` and `docker ps` show who has it",
	}
}

// progress says what takes a moment, unless nobody wants to know.
func (a *app) progress(text string) {
	if !a.quiet {
		fmt.Fprintln(a.Err, a.style.Dim(text))
	}
}
