package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What packages do before main runs is paid by each command, by the smallest one too, and by every start of an editor.
// It is counted in bytes: they are the same on every machine, and time goes along with them. From 4 MiB on, Go's
// collector runs its first cycle before main does.
const (
	mostAtStart      = 4 << 20 // of all packages together
	mostOfOnePackage = 1 << 20
)

var inited = regexp.MustCompile(`(?m)^init (\S+) .*, (\d+) bytes, \d+ allocs$`)

func TestStartIsCheap(t *testing.T) {
	for name, words := range map[string][]string{"kurtosis": {"version"}, "kurtosis-lsp": {"--version"}} {
		t.Run(name, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), name)
			if out, err := exec.Command("go", "build", "-o", binary, "github.com/kurtosis-go/kurtosis/cmd/"+name).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			cmd := exec.Command(binary, words...)
			cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
			var trace strings.Builder
			cmd.Stderr = &trace
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, &trace)
			}
			type cost struct {
				name  string
				bytes int
			}
			var all []cost
			total := 0
			for _, m := range inited.FindAllStringSubmatch(trace.String(), -1) {
				bytes, err := strconv.Atoi(m[2])
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, cost{m[1], bytes})
				total += bytes
			}
			if len(all) < 20 {
				t.Fatalf("no trace of what packages do at the start:\n%s", &trace)
			}
			slices.SortFunc(all, func(a, b cost) int { return cmp.Compare(b.bytes, a.bytes) })
			var most strings.Builder
			for _, c := range all[:8] {
				fmt.Fprintf(&most, "\n%9d %s", c.bytes, c.name)
			}
			t.Logf("%d bytes in %d packages, most of them in%s", total, len(all), &most)
			if total > mostAtStart {
				t.Errorf("packages allocate %d bytes before main runs, more than %d: let a heavy one do its work when it is used, or do without it", total, mostAtStart)
			}
			if all[0].bytes > mostOfOnePackage {
				t.Errorf("%s allocates %d bytes before main runs, more than %d", all[0].name, all[0].bytes, mostOfOnePackage)
			}
		})
	}
}
