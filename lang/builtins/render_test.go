package builtins_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
)

func TestStubsParseAndPointAtTheirRows(t *testing.T) {
	found := 0
	for _, stub := range builtins.Stubs() {
		file, err := (&syntax.FileOptions{}).Parse(stub.Name, stub.Text, 0)
		require.NoError(t, err)
		assert.NotEmpty(t, file.Stmts, stub.Name)
		lines := strings.Split(stub.Text, "\n")
		for _, row := range stub.Rows {
			found++
			line := []rune(lines[row.Line-1])
			assert.True(t, strings.HasPrefix(string(line[row.Col-1:]), row.Builtin.Name), "%s:%d", stub.Name, row.Line)
			for name, n := range row.Params {
				rest := strings.TrimLeft(lines[n-1][builtins.ParamCol-1:], "*")
				assert.Regexp(t, `^`+name+`\b`, rest, "%s:%d", stub.Name, n)
			}
			for _, p := range row.Builtin.Params {
				assert.Equal(t, p.Hidden, row.Params[p.Name] == 0, "%s: %s", row.Builtin.QualifiedName(), p.Name)
			}
		}
	}
	assert.Equal(t, len(builtins.All()), found)
	stub, row, ok := builtins.FindStub(builtins.Lookup("plan", "wait"))
	require.True(t, ok)
	assert.Equal(t, "plan.star", stub.Name)
	assert.Contains(t, strings.Split(stub.Text, "\n")[row.Params["timeout"]-1], `timeout = "10s",  # str`)
	_, _, ok = builtins.FindStub(&builtins.Builtin{Name: "stranger"})
	assert.False(t, ok)
}

func TestSnippets(t *testing.T) {
	for name, want := range map[string]string{
		"add_service":      "add_service(\n\tname=\"$1\",\n\tconfig=ServiceConfig($2),\n)$0",
		"exec":             "exec(\n\tservice_name=\"$1\",\n\trecipe=ExecRecipe($2),\n)$0",
		"verify":           "verify(\n\tvalue=\"$1\",\n\tassertion=\"${2|==,!=,>=,<=,>,<,IN,NOT_IN|}\",\n\ttarget_value=$3,\n)$0",
		"print":            "print($1)$0",
		"get_services":     "get_services($1)$0",
		"get_cluster_type": "get_cluster_type($1)$0",
		"run_sh":           "run_sh(\n\trun=\"$1\",\n)$0",
	} {
		assert.Equal(t, want, builtins.Lookup("plan", name).Snippet(), name)
	}
	assert.Equal(t, `import_module("$1")$0`, builtins.Lookup("", "import_module").Snippet())
	assert.Equal(t, `join($1)$0`, builtins.Lookup("string", "join").Snippet())
	assert.Equal(t, `upper()$0`, builtins.Lookup("string", "upper").Snippet())
	assert.Equal(t, `hasattr($1, "$2")$0`, builtins.Lookup("", "hasattr").Snippet())
	assert.Equal(t, `True`, builtins.Lookup("", "True").Snippet())
	assert.Equal(t, "ExecRecipe(\n\tcommand=[\"$1\"],\n)$0", builtins.Lookup("", "ExecRecipe").Snippet())
}

func TestMarkdown(t *testing.T) {
	text := builtins.Lookup("plan", "wait").Markdown()
	assert.True(t, strings.HasPrefix(text, "```python\nplan.wait(\n    service_name: str,\n    recipe: ExecRecipe | GetHttpRequestRecipe | PostHttpRequestRecipe,\n"), text)
	assert.Contains(t, text, "- `timeout: str = \"10s\"` – How long to try")
	assert.Contains(t, text, "- `assertion: str`, required – ")
	assert.Contains(t, text, "One of `==`, `!=`, `>=`, `<=`, `>`, `<`, `IN`, `NOT_IN`.")
	assert.Contains(t, text, "- `code: Future[int]` – Exit code of the command, or HTTP status.")
	assert.Contains(t, text, "**Example**")
	text = builtins.Lookup("", "ServiceConfig").Markdown()
	assert.NotContains(t, text, "files_to_be_moved")
	assert.Contains(t, text, "- `cpu_allocation: int` – **Deprecated since 2023-06-25; use max_cpu.** Old name of `max_cpu`.")
	assert.Contains(t, text, "*Has an effect on Kubernetes only.*")
	assert.Contains(t, text, "Futures are replaced when the step runs.")
	assert.Contains(t, builtins.Lookup("", "print").Markdown(), "**Refused:** use plan.print instead.")
	assert.Contains(t, builtins.Lookup("expect", "eq").Markdown(), "*In `*_test.star` files only.*")
	for _, b := range builtins.All() {
		assert.Zero(t, strings.Count(b.Markdown(), "```")%2, b.QualifiedName())
		assert.Zero(t, strings.Count(b.Markdown(), "`")%2, b.QualifiedName())
	}
}

var endOfSentence = regexp.MustCompile(`[.]$`)

func TestSummaries(t *testing.T) {
	for _, b := range builtins.All() {
		assert.Regexp(t, endOfSentence, b.Summary(), b.QualifiedName())
		assert.Zero(t, strings.Count(b.Summary(), "`")%2, b.QualifiedName())
		assert.Less(t, len(b.Summary()), 140, "%s: %s", b.QualifiedName(), b.Summary())
	}
	assert.Equal(t, "Adds a service and starts it.", builtins.Lookup("plan", "add_service").Summary())
	assert.Equal(t, "Returns a value as JSON text.", builtins.Lookup("json", "encode").Summary())
}

func TestWrapped(t *testing.T) {
	assert.Equal(t, "plan.print(msg: any, *, description: str = \"\")", builtins.Lookup("plan", "print").Wrapped(80))
	assert.Equal(t, "plan.print(\n    msg: any,\n    *,\n    description: str = \"\",\n)", builtins.Lookup("plan", "print").Wrapped(20))
	assert.Equal(t, "range(\n    start_or_stop: int,\n    stop: int = ...,\n    step: int = 1,\n    /,\n) -> range", builtins.Lookup("", "range").Wrapped(20))
}
