package docker

import (
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

// TestHalves goes through the moments at which an update can be killed.
func TestHalves(t *testing.T) {
	c := func(id, name, state string) container.Summary {
		return container.Summary{ID: id, Names: []string{"/" + name}, State: container.ContainerState(state), Labels: map[string]string{backends.LabelGUID: "u"}}
	}
	other := container.Summary{ID: "other", Names: []string{"/db--v"}, State: container.StateRunning, Labels: map[string]string{backends.LabelGUID: "v"}}
	for _, test := range []struct {
		old, next string // states
		want      string
	}{
		{"running", "created", "old"},
		{"exited", "created", "old"},
		{"exited", "running", "next"},
		{"exited", "exited", "old"}, // the new one did not start, or the machine went down: going back loses nothing
	} {
		old, next := c("old", "web--u", test.old), c("next", "web--u"+nextSuffix, test.next)
		for _, list := range [][]container.Summary{{old, next, other}, {next, other, old}} {
			var ids []string
			for _, left := range withoutHalves(list) {
				ids = append(ids, left.ID)
			}
			require.ElementsMatch(t, []string{test.want, "other"}, ids, "old %s, next %s", test.old, test.next)
		}
	}
	alone := []container.Summary{c("next", "web--u"+nextSuffix, "exited"), other}
	require.Len(t, withoutHalves(alone), 2, "the old one is gone already")
}
