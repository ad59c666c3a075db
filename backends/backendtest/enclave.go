package backendtest

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

func testInfo(e *env) {
	info, err := e.Backend.Info(e.ctx)
	require.NoError(e, err)
	require.Contains(e, []backends.ClusterType{backends.Docker, backends.Kubernetes}, info.ClusterType)
	require.NotEmpty(e, info.Name)
	require.NotEmpty(e, info.Version)
	require.Regexp(e, `^linux/[a-z0-9]+$`, info.Platform)
	require.Positive(e, info.TotalCPU)
	require.Positive(e, info.TotalMemory)
	require.LessOrEqual(e, info.FreeMemory, info.TotalMemory)
}

func testEnclaves(e *env) {
	created := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)
	enclave := e.enclaveOf(backends.EnclaveSpec{Created: created, Production: true, Labels: map[string]string{"team": "a"}})
	want := backends.Enclave{
		UUID: enclave.UUID, Name: enclave.Name, Created: created, Production: true,
		Labels: map[string]string{"team": "a"}, Status: backends.EnclaveEmpty, Subnet: enclave.Subnet,
	}
	require.Equal(e, want, enclave)
	got, err := e.Backend.InspectEnclave(e.ctx, enclave.UUID)
	require.NoError(e, err)
	require.True(e, created.Equal(got.Created))
	got.Created = created
	require.Equal(e, want, got)

	later := e.enclave()
	list, err := e.Backend.ListEnclaves(e.ctx)
	require.NoError(e, err)
	at := func(uuid string) int {
		return slices.IndexFunc(list, func(x backends.Enclave) bool { return x.UUID == uuid })
	}
	require.GreaterOrEqual(e, at(enclave.UUID), 0)
	require.Less(e, at(enclave.UUID), at(later), "oldest first")

	require.NoError(e, e.Backend.RemoveEnclave(e.ctx, enclave.UUID))
	require.NoError(e, e.Backend.RemoveEnclave(e.ctx, enclave.UUID), "twice")
	_, err = e.Backend.InspectEnclave(e.ctx, enclave.UUID)
	e.fails(err, backends.NotFound, `there is no enclave "`+enclave.UUID+`"`)
}

func testEnclaveIdentifiers(e *env) {
	enclave := e.enclaveOf(backends.EnclaveSpec{})
	for _, identifier := range []string{enclave.UUID, enclave.Name, backends.ShortUUID(enclave.UUID)} {
		got, err := e.Backend.InspectEnclave(e.ctx, identifier)
		require.NoError(e, err)
		require.Equal(e, enclave.UUID, got.UUID)
	}
	_, err := e.Backend.InspectEnclave(e.ctx, "no-such-enclave")
	failure := e.fails(err, backends.NotFound, `there is no enclave "no-such-enclave"`)
	require.Equal(e, "`kurtosis enclave ls` lists them", failure.Hint)
	_, err = e.Backend.ListServices(e.ctx, "no-such-uuid")
	e.fails(err, backends.NotFound, `there is no enclave "no-such-uuid"`)
	_, err = e.Backend.AddService(e.ctx, "no-such-uuid", e.toolbox("a", "sleep"))
	e.fails(err, backends.NotFound, `there is no enclave "no-such-uuid"`)
}

func testEnclaveTaken(e *env) {
	enclave := e.enclaveOf(backends.EnclaveSpec{})
	_, err := e.Backend.CreateEnclave(e.ctx, backends.EnclaveSpec{UUID: backends.NewUUID(), Name: enclave.Name})
	e.fails(err, backends.AlreadyExists, `there is an enclave "`+enclave.Name+`" already`)
	_, err = e.Backend.CreateEnclave(e.ctx, backends.EnclaveSpec{UUID: enclave.UUID, Name: enclave.Name + "-2"})
	require.Equal(e, backends.AlreadyExists, backends.KindOf(err))
	_, err = e.Backend.CreateEnclave(e.ctx, backends.EnclaveSpec{Name: "x"})
	e.fails(err, backends.Invalid, "an enclave needs a name and a uuid")
}

func testEnclaveStatus(e *env) {
	enclave := e.enclave()
	status := func() backends.EnclaveStatus {
		got, err := e.Backend.InspectEnclave(e.ctx, enclave)
		require.NoError(e, err)
		return got.Status
	}
	require.Equal(e, backends.EnclaveEmpty, status())
	e.add(enclave, e.toolbox("one", "sleep"))
	require.Equal(e, backends.EnclaveRunning, status())
	require.NoError(e, e.Backend.StopService(e.ctx, enclave, "one"))
	require.Equal(e, backends.EnclaveStopped, status())
	require.NoError(e, e.Backend.RemoveService(e.ctx, enclave, "one"))
	require.Equal(e, backends.EnclaveEmpty, status())
}

func testEnclaveStopStart(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "tcp", "7000")
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	spec.Directories = []backends.Directory{{Path: "/data", Key: "data"}}
	web := e.add(enclave, spec)
	e.add(enclave, e.toolbox("other", "sleep"))
	e.output(enclave, "web", "write", "/data/kept", "yes")
	e.output(enclave, "web", "write", "/tmp/kept", "too")

	require.NoError(e, e.Backend.StopEnclave(e.ctx, enclave))
	require.NoError(e, e.Backend.StopEnclave(e.ctx, enclave), "twice")
	services, err := e.Backend.ListServices(e.ctx, enclave)
	require.NoError(e, err)
	require.Len(e, services, 2)
	for _, s := range services {
		require.Equal(e, backends.Stopped, s.State)
		require.Empty(e, s.Published)
	}
	require.NoError(e, e.Backend.StartEnclave(e.ctx, enclave))
	require.NoError(e, e.Backend.StartEnclave(e.ctx, enclave), "twice")
	again, err := e.Backend.InspectService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Equal(e, backends.Running, again.State)
	require.Equal(e, web.Address, again.Address)
	require.Equal(e, web.Published, again.Published)
	e.echo(e.open(enclave, "web", backends.Port{Number: 7000}), "again")
	require.Equal(e, "yes", e.output(enclave, "web", "read", "/data/kept"))
	if !e.Forgets {
		require.Equal(e, "too", e.output(enclave, "web", "read", "/tmp/kept"))
	}

	require.Equal(e, backends.NotFound, backends.KindOf(e.Backend.StopEnclave(e.ctx, "none")))
	require.Equal(e, backends.NotFound, backends.KindOf(e.Backend.StartEnclave(e.ctx, "none")))
}

func testEnclaveRemoveAll(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("full", "sleep")
	spec.Ports = map[string]backends.Port{"a": {Number: 1}}
	spec.Files = []backends.Files{{Path: "/files", Archives: []backends.Archive{opener(archive(map[string]string{"a": "1"}))}}}
	spec.Directories = []backends.Directory{{Path: "/data", Key: "key"}}
	e.add(enclave, spec)
	e.add(enclave, e.toolbox("ended", "exit", "1"))
	e.stopped(enclave, "ended")
	require.NotEmpty(e, e.leftovers(enclave), "the check itself works")
	require.NoError(e, e.Backend.RemoveEnclave(e.ctx, enclave))
	require.Empty(e, e.leftovers(enclave))
}
