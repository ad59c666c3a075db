package packages

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

func TestManifest(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"whole", "name: github.com/o/r\ndescription: |\n  words\nreplace:\n  github.com/a/b: github.com/c/d@v1\n  github.com/a/b/sub: ./sub\n  github.com/e/f: /abs\n", ""},
		{"no description", "name: github.com/o/r/sub\ndescription:\nreplace:\n", ""},
		{"slip", "nmae: github.com/o/r\n", "1:1-1:5 manifest-field unknown field 'nmae' | did you mean 'name'? [name]\n1:1-1:2 manifest-name the field 'name' is missing | " + nameHint},
		{"unknown", "name: github.com/o/r\nversion: 1\n", "2:1-2:8 manifest-field unknown field 'version' | the fields are name, description, replace"},
		{"twice", "name: github.com/o/r\nname: github.com/o/q\n", "2:1-2:5 manifest-duplicate 'name' is there twice"},
		{"empty", "# nothing\n", "1:1-1:1 manifest-name kurtosis.yml is empty, and needs a name | " + nameHint},
		{"list", "- a\n", "1:1-1:2 manifest-type kurtosis.yml must be a mapping, not a list | " + nameHint},
		{"number", "name: 3\n", "1:7-1:8 manifest-type 'name' must be a string, not a number"},
		{"no name", "name:\n", "1:6-1:7 manifest-type 'name' must be a string, not nothing"},
		{"empty name", "name: \"\"\n", "1:7-1:9 manifest-name 'name' is empty | " + nameHint},
		{"slash", "name: github.com/o/r/\n", "1:7-1:22 manifest-name 'name' must not end in a slash | write 'github.com/o/r'"},
		{"not github", "name: my-package\n", "1:7-1:17 manifest-name 'name' must start with 'github.com/', and 'my-package' doesn't | it is github.com/<owner>/<repository>[/<path>]"},
		{"version", "name: github.com/o/r@v1\n", "1:7-1:24 manifest-name 'name' must not have a version | write 'github.com/o/r'"},
		{"syntax", "name: github.com/o/r\n  description: [\n", "2:1-2:17 manifest-yaml this is not YAML: mapping values are not allowed in this context"},
		{"tab", "name: github.com/o/r\nreplace:\n\tx: y\n", "3:1-3:6 manifest-yaml this is not YAML: found character that cannot start any token"},
		{"two documents", "name: github.com/o/r\n---\nname: github.com/o/q\n", "2:1-2:4 manifest-yaml this is not YAML: a second document starts here"},
		{"no repository", "name: github.com/o\n", "1:7-1:19 manifest-name 'github.com/o' names no repository: it has the form github.com/<owner>/<repository>[/<path>][@<version>] | it is github.com/<owner>/<repository>[/<path>]"},
		{"replace list", "name: github.com/o/r\nreplace: [a]\n", "2:10-2:11 manifest-type 'replace' must be a mapping, not a list | replace: {github.com/owner/repository: github.com/other/repository@version}"},
		{"replace key", "name: github.com/o/r\nreplace:\n  ./a: ./b\n", "3:3-3:6 manifest-name './a' doesn't start with 'github.com/' | it is github.com/<owner>/<repository>[/<path>]"},
		{"replace value", "name: github.com/o/r\nreplace:\n  github.com/a/b: v1\n", "3:19-3:21 manifest-name 'v1' doesn't start with 'github.com/' | it is github.com/<owner>/<repository>[/<path>][@<version>], or a path that starts with '.' or '/'"},
		{"replace nothing", "name: github.com/o/r\nreplace:\n  github.com/a/b:\n", "3:18-3:19 manifest-replace 'github.com/a/b' is replaced with nothing | a locator, or a path that starts with '.' or '/'"},
		{"replace with a version on the left", "name: github.com/o/r\nreplace:\n  github.com/a/b@v1: ./x\n", "3:3-3:20 manifest-name 'github.com/a/b@v1' must not have a version | write 'github.com/a/b'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, diagnostics := ParseManifest(source.NewFile("kurtosis.yml", []byte(c.text)))
			var lines []string
			for _, d := range diagnostics {
				line := fmt.Sprintf("%s-%s %s %s", d.Range.Start, d.Range.End, d.Code, d.Message)
				if d.Hint != "" {
					line += " | " + d.Hint
				}
				for _, fix := range d.Fixes {
					line += " [" + fix.Edits[0].NewText + "]"
				}
				lines = append(lines, line)
			}
			if got := strings.Join(lines, "\n"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if c.name == "whole" {
				var order []string
				for _, r := range m.Replace {
					order = append(order, fmt.Sprint(r.Package, " ", r.With, " ", r.IsLocal(), " ", r.Range.Start))
				}
				want := "github.com/a/b/sub ./sub true 6:23, github.com/a/b github.com/c/d@v1 false 5:19, github.com/e/f /abs true 7:19"
				if got := strings.Join(order, ", "); got != want || m.Description != "words\n" {
					t.Errorf("got %s, %q", got, m.Description)
				}
			}
		})
	}
}
