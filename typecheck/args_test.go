package typecheck_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

func TestCheckArgs(t *testing.T) {
	const module = `def run(plan, image, count = 1, persistent = True, params = {"network": "a", "seconds": 12}, names = [], where = None):
    """Runs it.

    Args:
        image (string): what
        names (list[string]): who
    """
    plan.print([image, count, persistent, params, names, where])

def whole(plan, args = {"image": "a", "participants": []}):
    plan.print(args)

def open(plan, image, **rest):
    plan.print([image, rest])

def none(plan):
    pass
`
	for _, c := range []struct{ function, args, want string }{
		{"run", `{"image": "a"}`, ""},
		{"run", "", `1:1 error missing-argument: run misses argument image`},
		{"run", "image: a\ncuont: 3\n", `2:1 error unknown-argument: run has no parameter cuont; did you mean count?`},
		{"run", "image: a\nzzz: 3\n", `2:1 error unknown-argument: run has no parameter zzz; it takes count, image, names, params, persistent, where`},
		{"run", "image: 3\n", `1:8 warning documented-type: found 3, image is documented as str; write it in quotes`},
		{"run", "image: a\ncount: \"3\"\n", `2:8 warning documented-type: found "3", count is by default int; write it without quotes`},
		{"run", "image: a\npersistent: True\n", ""},
		{"run", "image: a\npersistent: \"true\"\n", `2:13 warning documented-type: found "true", persistent is by default bool; write it without quotes`},
		{"run", "image: a\nnames: [a, 1]\n", `2:8 warning documented-type: found list[str | int], names is documented as list[str]`},
		{"run", "image: a\nnames: []\nwhere: 3\n_kurtosis_parser: struct\n", ""},
		{"run", "image: a\nparams: {netwrok: b, other: 1}\n", `2:10 warning unknown-argument: params has no key netwrok; did you mean network?`},
		{"run", "image: null\ncount: null\n", ""},
		{"run", "- a\n", `1:1 error bad-args: found a list, want an object: the names of parameters and their values`},
		{"run", "a: [\n", `1:1 error bad-args: line 1: did not find expected node content; arguments are a JSON or YAML object`},
		{"run", "plan: 1\nimage: a\n", `1:1 error unknown-argument: run has no parameter plan; it takes count, image, names, params, persistent, where`},
		{"whole", "imgae: a\nanything: 1\n", `1:1 warning unknown-argument: args has no key imgae; did you mean image?`},
		{"open", "image: a\nanything: 1\n", ""},
		{"none", "a: 1\n", `1:1 error unknown-argument: none has no parameter a; it takes no arguments`},
		{"missing", "a: 1\n", ""},
	} {
		r := check(t, map[string]string{root + "/main.star": module}, typecheck.Options{})
		var got []string
		for _, d := range typecheck.CheckArgs(r.Roots[0].Info, c.function, source.NewFile("args.yaml", []byte(c.args))) {
			if _, ok := typecheck.Page(d.Code); !ok {
				t.Errorf("%s has no page", d.Code)
			}
			got = append(got, fmt.Sprintf("%s %s", d.Range.Start, describe(d)))
		}
		if s := strings.Join(got, "\n"); s != c.want {
			t.Errorf("%s %q:\ngot  %s\nwant %s", c.function, c.args, s, c.want)
		}
	}
}
