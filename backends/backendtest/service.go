package backendtest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

func testService(e *env) {
	enclave := e.enclaveOf(backends.EnclaveSpec{})
	uuid := backends.NewUUID()
	spec := e.toolbox("web", "sleep")
	spec.UUID = uuid
	spec.Ports = map[string]backends.Port{"http": {Number: 80, Transport: backends.TCP, Application: "http"}, "game": {Number: 9, Transport: backends.UDP}}
	added := e.add(enclave.UUID, spec)
	require.Equal(e, "web", added.Name)
	require.Equal(e, uuid, added.UUID)
	require.Equal(e, "web", added.Hostname)
	require.Equal(e, backends.Running, added.State)
	require.Equal(e, spec.Ports, added.Ports)
	address, err := netip.ParseAddr(added.Address)
	require.NoError(e, err)
	if enclave.Subnet != "" {
		require.True(e, netip.MustParsePrefix(enclave.Subnet).Contains(address))
	}

	got, err := e.Backend.InspectService(e.ctx, enclave.UUID, "web")
	require.NoError(e, err)
	require.Equal(e, e.Toolbox, got.Image)
	require.NotEmpty(e, got.ImageID)
	require.WithinDuration(e, time.Now(), got.Started, timeout)
	require.Zero(e, got.Finished)
	got.Started, got.ImageID = added.Started, ""
	added.ImageID = ""
	added.Labels = got.Labels // nil or empty
	require.Equal(e, added, got)

	e.add(enclave.UUID, e.toolbox("api", "sleep"))
	list, err := e.Backend.ListServices(e.ctx, enclave.UUID)
	require.NoError(e, err)
	require.Len(e, list, 2)
	require.Equal(e, "api", list[0].Name)
	require.Equal(e, "web", list[1].Name)
	require.NotEqual(e, list[0].Address, list[1].Address)
}

func testServiceNotFound(e *env) {
	enclave := e.enclaveOf(backends.EnclaveSpec{})
	want := fmt.Sprintf(`enclave %q has no service "ghost"`, enclave.Name)
	_, err := e.Backend.InspectService(e.ctx, enclave.UUID, "ghost")
	e.fails(err, backends.NotFound, want)
	_, err = e.Backend.StartService(e.ctx, enclave.UUID, "ghost")
	e.fails(err, backends.NotFound, want)
	e.fails(e.Backend.StopService(e.ctx, enclave.UUID, "ghost"), backends.NotFound, want)
	e.fails(e.Backend.RemoveService(e.ctx, enclave.UUID, "ghost"), backends.NotFound, want)
	_, err = e.Backend.Exec(e.ctx, enclave.UUID, "ghost", backends.Exec{Command: []string{"x"}})
	e.fails(err, backends.NotFound, want)
	_, err = e.Backend.Dial(e.ctx, enclave.UUID, "ghost", backends.Port{Number: 1})
	e.fails(err, backends.NotFound, want)
	_, err = e.Backend.UpdateService(e.ctx, enclave.UUID, e.toolbox("ghost", "sleep"))
	e.fails(err, backends.NotFound, want)
	_, err = e.Backend.CopyFrom(e.ctx, enclave.UUID, "ghost", "/x")
	e.fails(err, backends.NotFound, want)
	for _, err := range e.Backend.Logs(e.ctx, enclave.UUID, "ghost", backends.LogOptions{}) {
		e.fails(err, backends.NotFound, want)
	}
}

func testServiceTaken(e *env) {
	enclave := e.enclaveOf(backends.EnclaveSpec{})
	first := e.add(enclave.UUID, e.toolbox("web", "sleep"))
	_, err := e.Backend.AddService(e.ctx, enclave.UUID, e.toolbox("web", "sleep"))
	e.fails(err, backends.AlreadyExists, fmt.Sprintf(`enclave %q has a service "web" already`, enclave.Name))
	got, err := e.Backend.InspectService(e.ctx, enclave.UUID, "web")
	require.NoError(e, err)
	require.Equal(e, first.UUID, got.UUID)
	other := e.enclave()
	e.add(other, e.toolbox("web", "sleep")) // names are an enclave's own
}

func testServiceInvalid(e *env) {
	enclave := e.enclave()
	for _, c := range []struct {
		change func(*backends.ServiceSpec)
		want   string
	}{
		{func(s *backends.ServiceSpec) { s.Name = "" }, `a service needs a name`},
		{func(s *backends.ServiceSpec) { s.Image = "" }, `service "bad": no image`},
		{func(s *backends.ServiceSpec) { s.Ports = map[string]backends.Port{"a": {}} }, `service "bad": port "a": no number`},
		{func(s *backends.ServiceSpec) {
			s.Ports = map[string]backends.Port{"a": {Number: 1, Transport: "ICMP"}}
		}, `service "bad": port "a": no transport protocol "ICMP"`},
		{func(s *backends.ServiceSpec) {
			s.PublicPorts = map[string]backends.Port{"a": {Number: 1}, "b": {Number: 1}}
		}, `service "bad": public ports "a" and "b" are both 1/tcp`},
		{func(s *backends.ServiceSpec) { s.Files = []backends.Files{{Path: "relative"}} }, `service "bad": path "relative" is not absolute`},
		{func(s *backends.ServiceSpec) { s.Files = []backends.Files{{Path: "/"}} }, `service "bad": nothing can be put over the root directory`},
		{func(s *backends.ServiceSpec) {
			s.Files = []backends.Files{{Path: "/a"}}
			s.Directories = []backends.Directory{{Path: "/a/", Key: "k"}}
		}, `service "bad": two things are put at "/a"`},
		{func(s *backends.ServiceSpec) { s.Directories = []backends.Directory{{Path: "/a"}} }, `service "bad": a persistent directory without a key at "/a"`},
		{func(s *backends.ServiceSpec) { s.MaxCPU, s.MinCPU = 100, 200 }, `service "bad": min cpu 200 is more than max cpu 100`},
		{func(s *backends.ServiceSpec) { s.MaxMemory, s.MinMemory = 100, 200 }, `service "bad": min memory 200 is more than max memory 100`},
		{func(s *backends.ServiceSpec) { s.MaxMemory = -1 }, `service "bad": a negative limit`},
	} {
		spec := e.toolbox("bad", "sleep")
		c.change(&spec)
		_, err := e.Backend.AddService(e.ctx, enclave, spec)
		e.fails(err, backends.Invalid, c.want)
	}
	list, err := e.Backend.ListServices(e.ctx, enclave)
	require.NoError(e, err)
	require.Empty(e, list)
}

func testServiceConcurrent(e *env) {
	enclave := e.enclave()
	const n = 8
	var wait sync.WaitGroup
	services := make([]backends.Service, n)
	errs := make([]error, n)
	for i := range n {
		wait.Go(func() {
			spec := e.toolbox(fmt.Sprintf("s%d", i), "tcp", "7000")
			spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
			services[i], errs[i] = e.Backend.AddService(e.ctx, enclave, spec)
		})
	}
	// The same name from several callers: exactly one succeeds.
	twins := make([]error, 3)
	for i := range twins {
		wait.Go(func() { _, twins[i] = e.Backend.AddService(e.ctx, enclave, e.toolbox("twin", "sleep")) })
	}
	wait.Wait()
	addresses := map[string]bool{}
	for i := range n {
		require.NoError(e, errs[i])
		addresses[services[i].Address] = true
		e.echo(e.open(enclave, services[i].Name, backends.Port{Number: 7000}), services[i].Name)
	}
	require.Len(e, addresses, n)
	succeeded := 0
	for _, err := range twins {
		if err == nil {
			succeeded++
		} else {
			require.Equal(e, backends.AlreadyExists, backends.KindOf(err))
		}
	}
	require.Equal(e, 1, succeeded)
}

func testServiceCancelled(e *env) {
	enclave := e.enclave()
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(e.ctx, after)
		_, err := e.Backend.AddService(ctx, enclave, e.toolbox("late", "sleep"))
		cancel()
		if err != nil {
			require.ErrorIs(e, err, context.DeadlineExceeded)
			list, err := e.Backend.ListServices(e.ctx, enclave)
			require.NoError(e, err)
			require.Empty(e, list, "after %s", after)
			continue
		}
		require.NoError(e, e.Backend.RemoveService(e.ctx, enclave, "late"))
	}
	e.add(enclave, e.toolbox("late", "sleep"))
}

func testServiceStopStart(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "print", "started", "+", "tcp", "7000")
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	before := e.add(enclave, spec)
	port := spec.Ports["echo"]
	e.echo(e.open(enclave, "web", port), "before")
	began := time.Now()
	require.NoError(e, e.Backend.StopService(e.ctx, enclave, "web"))
	require.Less(e, time.Since(began), backends.DefaultStopGrace, "a service that heeds SIGTERM is not killed")
	require.NoError(e, e.Backend.StopService(e.ctx, enclave, "web"), "twice")
	s, err := e.Backend.InspectService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Equal(e, backends.Stopped, s.State)
	require.Empty(e, s.Published)
	require.NotZero(e, s.Finished)
	_, err = e.Backend.Dial(e.ctx, enclave, "web", port)
	require.Equal(e, backends.Exited, backends.KindOf(err))

	after, err := e.Backend.StartService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Equal(e, before.Address, after.Address)
	require.Equal(e, before.UUID, after.UUID)
	require.Equal(e, before.Published, after.Published)
	e.echo(e.open(enclave, "web", port), "after")
	_, err = e.Backend.StartService(e.ctx, enclave, "web")
	require.NoError(e, err, "twice")
	want := []string{"started", "started"}
	if e.Forgets {
		want = want[:1]
	}
	require.Equal(e, want, texts(e.log(enclave, "web", backends.LogOptions{})))
}

func testServiceRemove(e *env) {
	enclave := e.enclave()
	before := e.leftovers(enclave)
	spec := e.toolbox("web", "sleep")
	spec.Files = []backends.Files{{Path: "/files", Archives: []backends.Archive{opener(archive(map[string]string{"a": "1"}))}}}
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	e.add(enclave, spec)
	require.NotEqual(e, before, e.leftovers(enclave))
	require.NoError(e, e.Backend.RemoveService(e.ctx, enclave, "web"))
	require.Equal(e, before, e.leftovers(enclave))
	e.add(enclave, spec) // the name is free again
}

func testServiceExits(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("crash", "print", "one", "two", "+", "complain", "three", "+", "exit", "3"))
	s := e.stopped(enclave, "crash")
	require.Equal(e, 3, s.ExitCode)
	require.False(e, s.OutOfMemory)
	require.NotZero(e, s.Finished)
	_, err := e.Backend.Dial(e.ctx, enclave, "crash", backends.Port{Number: 80})
	failure := e.fails(err, backends.Exited, `service "crash" does not run: it exited with code 3`)
	require.Equal(e, 3, failure.ExitCode)
	require.ElementsMatch(e, []string{"one", "two", "three"}, failure.Log)

	e.add(enclave, e.toolbox("done", "print", "bye"))
	require.Zero(e, e.stopped(enclave, "done").ExitCode)
	_, err = e.Backend.Exec(e.ctx, enclave, "done", backends.Exec{Command: []string{"/toolbox", "id"}})
	failure = e.fails(err, backends.Exited, `service "done" does not run: it exited with code 0`)
	require.Equal(e, "its command came to its end; a service runs until it is stopped", failure.Hint)
}

func testServiceOutOfMemory(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("hungry", "eat", "200", "+", "sleep")
	spec.MaxMemory = 48 << 20
	e.add(enclave, spec)
	s := e.stopped(enclave, "hungry")
	require.Equal(e, 137, s.ExitCode)
	require.True(e, s.OutOfMemory)
	require.Equal(e, "OOMKilled", s.Reason)
	_, err := e.Backend.Dial(e.ctx, enclave, "hungry", backends.Port{Number: 80})
	e.fails(err, backends.OutOfMemory, `service "hungry" was killed for its memory: more than 48 MB`)
	spec = e.toolbox("modest", "eat", "10", "+", "print", "fine")
	spec.MaxMemory = 64 << 20
	e.add(enclave, spec)
	require.Zero(e, e.stopped(enclave, "modest").ExitCode)
}

// Services of production enclaves come back.
func testServiceProduction(e *env) {
	enclave := e.enclaveOf(backends.EnclaveSpec{Production: true}).UUID
	e.add(enclave, e.toolbox("phoenix", "print", "risen", "+", "sleep", "100ms", "+", "exit", "1"))
	e.eventually("a restart", func() bool {
		lines := e.log(enclave, "phoenix", backends.LogOptions{})
		if e.Forgets { // each process has a log of its own
			lines = append(lines, e.log(enclave, "phoenix", backends.LogOptions{Previous: true})...)
		}
		return len(lines) >= 2
	})
	require.NoError(e, e.Backend.StopService(e.ctx, enclave, "phoenix"))
	s, err := e.Backend.InspectService(e.ctx, enclave, "phoenix")
	require.NoError(e, err)
	require.Equal(e, backends.Stopped, s.State, "unless stopped on purpose")
}
