//go:build linux

// Command bench measures whole processes side by side and prints ratios: runs of the two sides alternate, and the
// best of each counts, since a shared machine only ever makes a run slower. It judges nothing and fails only when a
// command does.
//
//	bench -bin DIR [-n RUNS] [-only NAME]
//
// With BENCH_PKG set to a package's directory (and BENCH_VENDOR to a vendor tree), that is measured too.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kurtosis-go/kurtosis/internal/tools/genpkg"
)

// A comparison is one line of the report. A nil yardstick means that the first command is measured alone.
type comparison struct {
	name      string
	measured  []string
	yardstick []string
	target    string
	exits     []int // exit statuses of measured that are fine besides 0
}

func main() {
	bin := flag.String("bin", "bin", "directory of kurtosis, bare and buildifier")
	runs := flag.Int("n", 11, "runs of each side")
	only := flag.String("only", "", "measure only comparisons whose name contains this")
	flag.Parse()
	if err := run(*bin, *runs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(bin string, runs int, only string) error {
	dir, err := os.MkdirTemp("", "kurtosis-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	large, tenth := filepath.Join(dir, "large"), filepath.Join(dir, "tenth")
	if err := genpkg.Write(large, genpkg.Modules, genpkg.Lines); err != nil {
		return err
	}
	if err := genpkg.Write(tenth, genpkg.Modules/10, genpkg.Lines/10); err != nil {
		return err
	}
	args := filepath.Join(dir, "args.json")
	if err := os.WriteFile(args, []byte("{}"), 0o644); err != nil {
		return err
	}
	kurtosis := filepath.Join(bin, "kurtosis")
	preview := func(pkg, vendor string, more ...string) []string {
		words := []string{kurtosis, "run", pkg, "--dry-run", "--output", "json", "--args-file", args}
		if vendor != "" {
			words = append(words, "--vendor", vendor)
		}
		return append(words, more...)
	}
	lint := func(pkg string) []string { return []string{kurtosis, "lint", "--vendor", dir, pkg} }
	buildifier := func(pkg string) []string {
		return []string{filepath.Join(bin, "buildifier"), "-mode=check", "-lint=warn", "-warnings=all", "-r", pkg}
	}
	all := []comparison{
		{name: "preview of 105 modules / bare go.starlark.net", measured: preview(large, "", "--no-check"), yardstick: []string{filepath.Join(bin, "bare"), large, dir, args}, target: "≤ 1.5"},
		{name: "preview with the checker / bare go.starlark.net", measured: preview(large, ""), yardstick: []string{filepath.Join(bin, "bare"), large, dir, args}, target: "≤ 2.5"},
		{name: "lint and format check / buildifier, all warnings", measured: lint(large), yardstick: buildifier(large), target: "≤ 0.6", exits: []int{1}},
		{name: "lint of 105 modules / of 10", measured: lint(large), yardstick: lint(tenth), target: "≤ 11", exits: []int{1}},
	}
	if pkg := os.Getenv("BENCH_PKG"); pkg != "" {
		vendor := os.Getenv("BENCH_VENDOR")
		real := []comparison{
			{name: "BENCH_PKG: preview / bare", measured: preview(pkg, vendor, "--no-check"), yardstick: []string{filepath.Join(bin, "bare"), pkg, vendor, args}, target: "≤ 1.5"},
			{name: "BENCH_PKG: preview with the checker / bare", measured: preview(pkg, vendor), yardstick: []string{filepath.Join(bin, "bare"), pkg, vendor, args}, target: "≤ 2.5"},
			{name: "BENCH_PKG: lint / buildifier", measured: []string{kurtosis, "lint", "--vendor", vendor, pkg}, yardstick: buildifier(pkg), target: "≤ 0.6", exits: []int{1}},
		}
		all = append(all, real...)
	}
	for _, c := range all {
		if strings.Contains(c.name, only) {
			if err := c.measure(runs); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return nil
}

// sample is one process's cost.
type sample struct {
	wall, cpu time.Duration
	peak      int64 // bytes of resident memory at most
}

func (c comparison) measure(runs int) error {
	var a, b sample
	for i := range runs + 1 { // the first pair warms the file cache and does not count
		measured, err := once(c.measured, c.exits)
		if err != nil {
			return err
		}
		var yard sample
		if c.yardstick != nil {
			if yard, err = once(c.yardstick, []int{1, 4}); err != nil {
				return err
			}
		}
		switch i {
		case 0:
		case 1:
			a, b = measured, yard
		default:
			a, b = best(a, measured), best(b, yard)
		}
	}
	fmt.Printf("%-52s wall %5.2f  cpu %5.2f  (target %s)   %4d ms / %4d ms, peak %3d MB / %3d MB\n", c.name,
		float64(a.wall)/float64(b.wall), float64(a.cpu)/float64(b.cpu), c.target,
		a.wall.Milliseconds(), b.wall.Milliseconds(), a.peak>>20, b.peak>>20)
	return nil
}

func best(x, y sample) sample {
	return sample{min(x.wall, y.wall), min(x.cpu, y.cpu), max(x.peak, y.peak)}
}

func once(words []string, exits []int) (sample, error) {
	cmd := exec.Command(words[0], words[1:]...)
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		fine := false
		for _, code := range exits {
			fine = fine || cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == code
		}
		if !fine {
			return sample{}, fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, stderr.String())
		}
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return sample{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), usage.Maxrss << 10}, nil
}
