//go:build docker && podman

package docker_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// The suite on Podman's Docker API; PODMAN_HOST is what scripts/podman.sh prints.
func TestConformancePodman(t *testing.T) {
	host := os.Getenv("PODMAN_HOST")
	require.NotEmpty(t, host, "start Podman with scripts/podman.sh and set PODMAN_HOST to what it prints")
	b := open(t, docker.Options{Host: host})
	toolbox, busybox := backendtest.Prepare(t, b)
	backendtest.Run(t, func(*testing.T) backendtest.Engine {
		return backendtest.Engine{Backend: b, Toolbox: toolbox, Busybox: busybox, Leftovers: leftovers(b), HostPorts: true, Gaps: map[string]string{
			"ServiceOutOfMemory": "Podman 4.3 on cgroups of version 1 does not say that a container was killed for its memory",
			"ExecUser":           "Podman 4.3 answers an unknown user with status 500 and no reason; known users work",
			"UpdateFails":        "Podman 4.3 keeps the host's ports of a container that it could not start, so that the one to go back to cannot have them",
			"FilesHideImage":     "Podman 4.3 fills an anonymous volume from the image although asked not to: what the image has stays visible",
		}}
	})
}
