package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
)

const root = "../../.."

func files(t *testing.T) map[string][]byte {
	t.Helper()
	template, err := os.ReadFile(filepath.Join(root, templateFile))
	require.NoError(t, err)
	files, err := generate(template)
	require.NoError(t, err)
	return files
}

func TestCheckedInFilesAreCurrent(t *testing.T) {
	made := files(t)
	for name, want := range made {
		got, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err, "run make update")
		assert.True(t, string(got) == string(want), "%s is not current: run make update", name)
	}
	stale, err := stalePages(root, made)
	require.NoError(t, err)
	assert.Empty(t, stale, "run make update")
}

func TestGenerationIsDeterministic(t *testing.T) {
	assert.Equal(t, files(t), files(t))
}

func TestWriteRemovesStalePages(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{templateFile: `{"a": "@UNIVERSE@"}`, referenceDir + "/old.md": "gone"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	require.NoError(t, write(dir))
	assert.NoFileExists(t, filepath.Join(dir, referenceDir, "old.md"))
	assert.FileExists(t, filepath.Join(dir, referenceDir, "plan.md"))
	require.NoError(t, os.Remove(filepath.Join(dir, templateFile)))
	assert.ErrorIs(t, write(dir), os.ErrNotExist)
}

func TestEveryRowHasAHeading(t *testing.T) {
	made := files(t)
	var all strings.Builder
	for name, text := range made {
		if strings.HasPrefix(name, referenceDir) && !strings.HasSuffix(name, "README.md") {
			all.Write(text)
		}
	}
	for _, b := range builtins.All() {
		if b.Receiver == "mock" && b.TestOnly || b.Receiver != "mock" {
			assert.Equal(t, 1, strings.Count(all.String(), "\n## "+b.QualifiedName()+"\n"), b.QualifiedName())
		}
	}
}

var link = regexp.MustCompile(`\]\(([a-z]+\.md)#([^)]+)\)`)

func TestIndexLinksWork(t *testing.T) {
	made := files(t)
	links := link.FindAllStringSubmatch(string(made[referenceDir+"/README.md"]), -1)
	assert.Len(t, links, len(builtins.All()))
	for _, m := range links {
		heading := func(line string) string {
			return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(line, "## "), ".", ""))
		}
		found := false
		for _, line := range strings.Split(string(made[referenceDir+"/"+m[1]]), "\n") {
			found = found || strings.HasPrefix(line, "## ") && heading(line) == m[2]
		}
		assert.True(t, found, m[0])
	}
}

func TestGrammar(t *testing.T) {
	out, err := grammar([]byte(`{"match": "(@CONSTRUCTORS@)", "h": "@HELPERS@"}`))
	require.NoError(t, err)
	var got map[string]string
	require.NoError(t, json.Unmarshal(out, &got))
	assert.Equal(t, "import_module|read_file|struct|print", got["h"])
	re := regexp.MustCompile(`^` + got["match"] + `$`)
	for _, b := range builtins.Constructors() {
		assert.Regexp(t, re, b.Name)
	}
	assert.Less(t, strings.Index(got["match"], "ServiceConfig"), strings.Index(got["match"], "Service|"+""), "longer words first")
	_, err = grammar([]byte(`{"a": "@NOTHING@"}`))
	assert.EqualError(t, err, "unknown placeholder @NOTHING@")
	_, err = grammar([]byte(`{"a": @HELPERS@}`))
	assert.EqualError(t, err, "not JSON once the words are filled in")
}

func TestSnippetsAreWhole(t *testing.T) {
	data, err := snippets()
	require.NoError(t, err)
	var all map[string]snippet
	require.NoError(t, json.Unmarshal(data, &all))
	for _, b := range append(builtins.Instructions(), builtins.Constructors()...) {
		s := all[b.QualifiedName()]
		assert.Equal(t, b.QualifiedName(), s.Prefix)
		assert.NotEmpty(t, s.Body)
		assert.NotEmpty(t, s.Description)
	}
	assert.Equal(t, []string{"plan.add_service(", "\tname=\"$1\",", "\tconfig=ServiceConfig($2),", ")$0"}, all["plan.add_service"].Body)
	assert.NotContains(t, all, "print")
}

func TestManifestSchema(t *testing.T) {
	data, err := manifestSchema()
	require.NoError(t, err)
	var schema struct {
		Required   []string
		Properties map[string]struct {
			Pattern              string
			AdditionalProperties struct{ Pattern string }
		}
		AdditionalProperties bool
	}
	require.NoError(t, json.Unmarshal(data, &schema))
	assert.Equal(t, []string{"name"}, schema.Required)
	assert.False(t, schema.AdditionalProperties)
	name := regexp.MustCompile(schema.Properties["name"].Pattern)
	for _, good := range []string{"github.com/a/b", "github.com/a/b/c/d"} {
		assert.Regexp(t, name, good)
	}
	for _, bad := range []string{"github.com/a", "github.com/a/b/", "gitlab.com/a/b", "github.com/a/b@v1", "https://github.com/a/b"} {
		assert.NotRegexp(t, name, bad)
	}
	with := regexp.MustCompile(schema.Properties["replace"].AdditionalProperties.Pattern)
	for _, good := range []string{"github.com/a/b@main", "../b", "/b", "github.com/a/b"} {
		assert.Regexp(t, with, good)
	}
	assert.NotRegexp(t, with, "b")
}
