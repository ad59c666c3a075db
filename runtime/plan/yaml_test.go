package plan

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// TestYAMLInPieces: a plan that is written in pieces is the document that it would be in one piece.
func TestYAMLInPieces(t *testing.T) {
	hard := []yamlText{"", "plain", "two\nlines", "kept\n\n", " indented\nfirst", "\n", "trailing \n", "# no comment", "- no item", "services:", "ä: b", "x\ty"}
	var services []yamlService
	var tasks []yamlTask
	for n := range 3 * len(hard) { // several pieces
		i, text := n%len(hard), hard[n%len(hard)]
		services = append(services, yamlService{UUID: "1", Name: string(text), Command: hard[i:], EnvVars: []yamlVariable{{Key: "k", Value: text}}})
		tasks = append(tasks, yamlTask{UUID: "2", Name: string(text), Command: hard[:i+1]})
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
		var whole bytes.Buffer
		encoder := yaml.NewEncoder(&whole)
		encoder.SetIndent(2)
		require.NoError(t, encoder.Encode(p))
		require.NoError(t, encoder.Close())
		got, err := p.encode()
		require.NoError(t, err)
		require.Equal(t, whole.String(), string(got))
	}
}
