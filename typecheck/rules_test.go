package typecheck_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

var update = flag.Bool("update", false, "rewrite docs/diagnostics")

const docs = "../docs/diagnostics"

// Every code has its page, the pages are what the rules say, and there are no others.
func TestDocs(t *testing.T) {
	if *update {
		if err := os.MkdirAll(docs, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"README.md": typecheck.PageIndex()}
	for _, code := range typecheck.Codes() {
		page, ok := typecheck.Page(code)
		if !ok {
			t.Errorf("%s has no page", code)
		}
		want[code+".md"] = page
	}
	for name, page := range want {
		file := filepath.Join(docs, name)
		if *update {
			if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(have, []byte(page)) {
			t.Errorf("%s is not current: run go test ./typecheck -update", file)
		}
	}
	entries, err := os.ReadDir(docs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := want[e.Name()]; !ok {
			t.Errorf("%s is the page of no code", e.Name())
		}
	}
	if _, ok := typecheck.Page("no-such-code"); ok {
		t.Error("there is a page for no-such-code")
	}
}

// around are the modules that examples import.
var around = map[string]string{
	root + "/lib.star":                       "def run(plan):\n    pass\n",
	root + "/cycle.star":                     "main = import_module(\"./main.star\")\n\ndef run(plan):\n    main.run(plan)\n",
	root + "/app/Dockerfile":                 "FROM scratch AS final\nARG VERSION\n",
	root + "/bare/README":                    "",
	root + "/vendor/example/other/main.star": "def run(plan):\n    pass\n",
}

func example(t *testing.T, text string, o typecheck.Options) (string, []diag.Diagnostic) {
	files := map[string]string{root + "/main.star": text}
	for name, text := range around {
		files[name] = text
	}
	r := check(t, files, o)
	for _, m := range r.Roots {
		if m.Target.Path == root+"/main.star" {
			return text, m.Diagnostics
		}
	}
	t.Fatal("main.star was not checked")
	return "", nil
}

// Every rule is documented, its bad example has it and its good one has not; the fixes that it declares mend the
// example.
func TestRules(t *testing.T) {
	for _, rule := range typecheck.Rules() {
		t.Run(rule.Code, func(t *testing.T) {
			if rule.Summary == "" || rule.Severity == 0 {
				t.Error("it has no summary or no severity")
			}
			if rule.Code == "reveal-type" || rule.Args { // has tests of its own
				return
			}
			if rule.Bad == "" || rule.Good == "" {
				t.Fatal("it has no examples")
			}
			o := typecheck.Options{Select: []string{rule.Code}}
			if rule.Code != "missing-run" {
				o.Ignore = []string{"missing-run"} // examples are as short as can be
			}
			text, found := example(t, rule.Bad, o)
			i := slices.IndexFunc(found, func(d diag.Diagnostic) bool { return d.Code == rule.Code })
			if i < 0 {
				t.Fatalf("the bad example has other diagnostics: %v", found)
			}
			if !slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Code == rule.Code && d.Severity == rule.Severity }) {
				t.Errorf("it is reported as %s, documented as %s", found[i].Severity, rule.Severity)
			}
			if _, good := example(t, rule.Good, o); slices.ContainsFunc(good, func(d diag.Diagnostic) bool { return d.Code == rule.Code || d.Severity == diag.Error }) {
				t.Errorf("the good example has it, too: %v", good)
			}
			if _, ignored := example(t, rule.Bad, typecheck.Options{Ignore: []string{rule.Code}}); slices.ContainsFunc(ignored, func(d diag.Diagnostic) bool { return d.Code == rule.Code }) {
				t.Error("it is reported although it is ignored")
			}
			fixed := 0
			for _, d := range found {
				if d.Code != rule.Code {
					continue
				}
				for _, f := range d.Fixes {
					if f.Title == "" || f.Safe && rule.Fix != typecheck.SafeFix {
						t.Errorf("fix %+v is not the kind that the rule declares", f)
					}
					fixed++
					mended := apply(text, f)
					if _, left := example(t, mended, o); slices.ContainsFunc(left, func(other diag.Diagnostic) bool { return other.Code == d.Code && other.Range.Start == d.Range.Start }) {
						t.Errorf("fix %q leaves it in:\n%s", f.Title, mended)
					}
				}
			}
			if (fixed > 0) != (rule.Fix != typecheck.NoFix) {
				t.Errorf("%d fixes, declared %d", fixed, rule.Fix)
			}
		})
	}
}

func apply(text string, f diag.Fix) string {
	edits := slices.Clone(f.Edits)
	slices.SortFunc(edits, func(a, b diag.Edit) int {
		if a.Range.Start.Before(b.Range.Start) {
			return 1
		}
		return -1
	})
	for _, e := range edits {
		file := source.NewFile("x", []byte(text))
		text = text[:file.Offset(e.Range.Start)] + e.NewText + text[file.Offset(e.Range.End):]
	}
	return text
}

// Options change what is reported, and how.
func TestOptions(t *testing.T) {
	text := "def run(plan):\n    unused = 1\n"
	if _, found := example(t, text, typecheck.Options{Severities: map[string]diag.Severity{"unused-variable": diag.Hint}}); len(found) != 1 || found[0].Severity != diag.Hint {
		t.Errorf("severity is not replaced: %v", found)
	}
	if _, found := example(t, text, typecheck.Options{Docstrings: true}); len(found) != 2 {
		t.Errorf("docstrings are not checked: %v", found)
	}
	if _, found := example(t, text, typecheck.Options{Select: []string{"all"}}); len(found) != 2 {
		t.Errorf("all does not select missing-docstring: %v", found)
	}
	imports := "other = import_module(\"github.com/example/other/main.star\")\n\ndef run(plan):\n    other.run(plan)\n"
	if _, found := example(t, imports, typecheck.Options{Replace: []string{"github.com/example/other"}}); len(found) != 0 {
		t.Errorf("a replaced package needs a version: %v", found)
	}
}

// Fixes say what to write.
func TestFixes(t *testing.T) {
	for _, c := range []struct{ bad, code, good string }{
		{"def run(plan):\n    plan.assert(\"a\", \"==\", \"a\")\n", "removed-name", "def run(plan):\n    plan.verify(\"a\", \"==\", \"a\")\n"},
		{"def run(plan):\n    add_service(\"a\", ServiceConfig(image = \"a:1\"))\n", "removed-name", "def run(plan):\n    plan.add_service(\"a\", ServiceConfig(image = \"a:1\"))\n"},
		{"def run(plan):\n    plan.add_service(service_name = \"a\", config = ServiceConfig(image = \"a:1\"))\n", "unknown-argument", "def run(plan):\n    plan.add_service(name = \"a\", config = ServiceConfig(image = \"a:1\"))\n"},
		{"def run(plan):\n    ServiceConfig(image = \"a:1\", memory_allocation = 100)\n", "deprecated-argument", "def run(plan):\n    ServiceConfig(image = \"a:1\", max_memory = 100)\n"},
		{"def run(plan):\n    print(\"é\")\n", "refused-builtin", "def run(plan):\n    plan.print(\"é\")\n"},
		{"x = PortSpec(number = 1, transport_protocol = \"udp\")\n\ndef run(plan):\n    pass\n", "bad-value", "x = PortSpec(number = 1, transport_protocol = \"UDP\")\n\ndef run(plan):\n    pass\n"},
		{"lib = import_module(\"github.com/example/package/lib.star\")\n\ndef run(plan):\n    lib.run(plan)\n", "own-package-locator", "lib = import_module(\"./lib.star\")\n\ndef run(plan):\n    lib.run(plan)\n"},
	} {
		_, found := example(t, c.bad, typecheck.Options{})
		i := slices.IndexFunc(found, func(d diag.Diagnostic) bool { return d.Code == c.code && len(d.Fixes) > 0 })
		if i < 0 {
			t.Errorf("%q: no fix of %s in %v", c.bad, c.code, found)
			continue
		}
		if !found[i].Fixes[0].Safe {
			t.Errorf("%q: the fix is not safe", c.bad)
		}
		if got := apply(c.bad, found[i].Fixes[0]); got != c.good {
			t.Errorf("%q: fixed to %q, want %q", c.bad, got, c.good)
		}
	}
}
