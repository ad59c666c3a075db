package plan

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func yamlV3(t *testing.T, v any) string {
	t.Helper()
	var whole bytes.Buffer
	encoder := yaml.NewEncoder(&whole)
	encoder.SetIndent(2)
	require.NoError(t, encoder.Encode(v))
	require.NoError(t, encoder.Close())
	return whole.String()
}

// TestBlockYAML: a plan is the document that yaml.v3 would write.
func TestBlockYAML(t *testing.T) {
	texts := []string{
		"", "plain", "two\nlines", "kept\n\n", " indented\nfirst", "\n", "trailing \n", "a \nb", "# no comment", "a #b", "a# b", "- no item", "services:",
		"ä: b", "x\ty", "true", "Yes", "n", "no", "off", "null", "~", "0", "7", "007", "1_000", "0x1f", "1e3", "1.5", ".5", "12:30", "2001-01-01", "<<", "=", "-", "--",
		"---", "...", "--a: b", "--http.addr=0.0.0.0", "a:b", "a: b", "a:", "http://a:80/", "@a", "`a`", "%a", "!a", "&a", "*a", "'a'", "\"a\"", "{a}", "[a]", "a, b", ",a",
		"a b", " a", "a ", "\x00", "\xff", "\u2028", "\ufeff", "😀", "\r", "a\rb", "-\n- x", "x\n- y\n\n  z\n", "x\n\n\ny", "{{ kurtosis.1.ip_address }}", "? a", "?a", ": a", ":a",
		"9999999999999999999", "true\n", "|", ">", "y", "Y", "on", "On", "nan", ".nan", "+1", "-1", "/", "/a: b", "$(x)", "(a)", "+a", "_", "a=b", "tRuE", "false", "falsey",
	}
	all := make([]yamlText, len(texts))
	for i, text := range texts {
		all[i] = yamlText(text)
	}
	var services []yamlService
	var tasks []yamlTask
	for i, text := range texts {
		services = append(services, yamlService{
			UUID: "1", Name: text, Image: yamlImage{Name: text, Context: text}, Command: all[i:], EnvVars: []yamlVariable{{Key: text, Value: all[i]}},
			Ports: []yamlPort{{Name: text, Number: uint16(i), Transport: text}}, Files: []yamlMount{{Path: text}, {Path: text, Artifacts: []yamlArtifact{{UUID: "3", Files: texts[:i]}}}},
		})
		tasks = append(tasks, yamlTask{UUID: "2", Name: text, Command: all[:i+1], AcceptableCodes: []int64{0, -1, 127}})
	}
	artifacts := []yamlArtifact{{UUID: "3", Name: "a"}, {UUID: "4", Name: "kept\n\n"}}
	for _, p := range []yamlPlan{
		{},
		{PackageID: "github.com/a/b"},
		{Services: services},
		{Tasks: tasks, Artifacts: artifacts},
		{PackageID: "services:", Services: services, Artifacts: artifacts, Tasks: tasks, Images: []string{"a", "b"}, Dependencies: []string{"c"}},
		{Images: []string{"a"}},
	} {
		got, err := blockYAML(p)
		require.NoError(t, err)
		require.Equal(t, yamlV3(t, p), string(got))
	}
}

// TestBlockYAMLOfAnyText: texts of pieces that mean something to YAML, put together at random.
func TestBlockYAMLOfAnyText(t *testing.T) {
	pieces := strings.Split("a|b|Z|0|1|9|.|-|--|_|:| |#|\n|  |'|\"|,|[|]|{|}|?|&|*|!|>|%|@|=|+|~|/|$|(|)|;|true|no|null|\t|é|\r|\\|<<|e|x", "|")
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var p yamlPlan
		for range 50 {
			var text strings.Builder
			for range random.IntN(6) {
				text.WriteString(pieces[random.IntN(len(pieces))])
			}
			p.Tasks = append(p.Tasks, yamlTask{Name: text.String(), Command: []yamlText{yamlText(text.String())}})
		}
		got, err := blockYAML(p)
		require.NoError(t, err)
		require.Equal(t, yamlV3(t, p), string(got))
	}
}
