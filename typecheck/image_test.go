package typecheck_test

import (
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// A script that belongs to no package has no directory to build an image from.
func TestNixInScript(t *testing.T) {
	const script = "def run(plan):\n    NixBuildSpec(image_name = \"a:1\", build_context_dir = \"./app\", flake_location_dir = \".\")\n"
	for pkg, want := range map[string]string{
		"":                         "NixBuildSpec in a script that belongs to no package",
		"github.com/owner/package": "",
	} {
		_, found := typecheck.Check(t.Context(), typecheck.Input{
			Target: workspace.Target{Path: "/x/main.star", Locator: "main.star", Package: pkg},
			Tree:   parse.Parse(source.NewFile("/x/main.star", []byte(script))),
		})
		got := ""
		for _, d := range found {
			if d.Code == "bad-value" {
				got += d.Message
			}
		}
		if got != want {
			t.Errorf("package %q: %q, want %q", pkg, got, want)
		}
	}
}
