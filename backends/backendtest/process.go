package backendtest

import (
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

func testProcess(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("one", "args", "a b", "ADDR", "xADDRx", "+", "env", "WHERE", "+", "env", "FROM_IMAGE", "+", "sleep")
	spec.Env = map[string]string{"WHERE": "http://ADDR:80", "EMPTY": ""}
	spec.AddressPlaceholder = "ADDR"
	s := e.add(enclave, spec)
	e.eventually("its output", func() bool { return len(e.log(enclave, "one", backends.LogOptions{})) == 3 })
	require.Equal(e, []string{`["a b","` + s.Address + `","x` + s.Address + `x"]`, "http://" + s.Address + ":80", "yes"},
		texts(e.log(enclave, "one", backends.LogOptions{})))
	require.Empty(e, e.output(enclave, "one", "env", "EMPTY"))

	spec = backends.ServiceSpec{Name: "entry", Image: e.Toolbox, Entrypoint: []string{"/toolbox", "args", "from entrypoint"}}
	e.add(enclave, spec)
	e.stopped(enclave, "entry")
	require.Equal(e, []string{`["from entrypoint"]`}, texts(e.log(enclave, "entry", backends.LogOptions{})), "the image's command is dropped")

	e.add(enclave, backends.ServiceSpec{Name: "image-cmd", Image: e.Toolbox})
	require.Equal(e, "1", e.output(enclave, "image-cmd", "count", "1"), "it sleeps, as the image says")

	spec = e.toolbox("no-placeholder", "args", "ADDR")
	e.add(enclave, spec)
	e.stopped(enclave, "no-placeholder")
	require.Equal(e, []string{`["ADDR"]`}, texts(e.log(enclave, "no-placeholder", backends.LogOptions{})))
}

func testProcessUser(e *env) {
	enclave := e.enclave()
	gid := int64(2000)
	for name, c := range map[string]struct {
		user *backends.User
		want string
	}{
		"root":  {nil, "0:0"},
		"both":  {&backends.User{UID: 1000, GID: &gid}, "1000:2000"},
		"alone": {&backends.User{UID: 1000}, "1000:0"},
	} {
		spec := e.toolbox(name, "id", "+", "sleep")
		spec.User = c.user
		e.add(enclave, spec)
		require.Equal(e, c.want, e.output(enclave, name, "id"))
	}
}

func testProcessInit(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("without", "sleep"))
	require.Equal(e, "/toolbox sleep", e.output(enclave, "without", "pid1"))
	spec := e.toolbox("with", "sleep")
	spec.Init = true
	e.add(enclave, spec)
	require.NotEqual(e, "/toolbox sleep", e.output(enclave, "with", "pid1"))
	require.Regexp(e, `init|tini|pause`, e.output(enclave, "with", "pid1"))
}

func testProcessTTY(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("without", "tty"))
	spec := e.toolbox("with", "tty", "+", "complain", "mixed")
	spec.TTY = true
	e.add(enclave, spec)
	e.stopped(enclave, "without")
	e.stopped(enclave, "with")
	require.Equal(e, []string{"false"}, texts(e.log(enclave, "without", backends.LogOptions{})))
	require.Equal(e, []string{"true", "mixed"}, texts(e.log(enclave, "with", backends.LogOptions{})))
}

func testProcessNoCommand(e *env) {
	enclave := e.enclave()
	spec := backends.ServiceSpec{Name: "typo", Image: e.Toolbox, Entrypoint: []string{"/tolbox"}}
	_, err := e.Backend.AddService(e.ctx, enclave, spec)
	failure := e.fails(err, backends.Invalid, `starting service "typo": command "/tolbox" is not in the image`)
	require.Equal(e, "check entrypoint and cmd against the image", failure.Hint)
	list, err := e.Backend.ListServices(e.ctx, enclave)
	require.NoError(e, err)
	require.Empty(e, list)
}

func testLabels(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep")
	spec.Labels = map[string]string{"team": "a", "com.example/tier": "front end"}
	require.Equal(e, spec.Labels, e.add(enclave, spec).Labels)
	s, err := e.Backend.InspectService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Equal(e, spec.Labels, s.Labels)
}

func testUpdate(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "tcp", "7000", "+", "tcp", "7001")
	spec.Ports = map[string]backends.Port{"a": {Number: 7000}, "b": {Number: 7001}}
	spec.Directories = []backends.Directory{{Path: "/data", Key: "k"}}
	spec.Files = []backends.Files{{Path: "/files", Archives: []backends.Archive{opener(archive(map[string]string{"old": "1"}))}}}
	before := e.add(enclave, spec)
	e.output(enclave, "web", "write", "/data/kept", "yes")
	leftovers := len(e.leftovers(enclave))

	spec.Env = map[string]string{"VERSION": "2"}
	spec.Cmd = []string{"tcp", "7000", "+", "tcp", "7002"}
	spec.Ports = map[string]backends.Port{"a": {Number: 7000}, "c": {Number: 7002}}
	spec.Files[0].Archives = []backends.Archive{opener(archive(map[string]string{"new": "2"}))}
	after, err := e.Backend.UpdateService(e.ctx, enclave, spec)
	require.NoError(e, err)
	require.Equal(e, before.UUID, after.UUID)
	require.Equal(e, before.Address, after.Address)
	require.Equal(e, before.Published["a"], after.Published["a"])
	require.NotContains(e, after.Published, "b")
	require.Equal(e, "2", e.output(enclave, "web", "env", "VERSION"))
	require.Equal(e, "new", e.output(enclave, "web", "ls", "/files"))
	require.Equal(e, "yes", e.output(enclave, "web", "read", "/data/kept"))
	e.echo(e.open(enclave, "web", spec.Ports["a"]), "a")
	e.echo(e.open(enclave, "web", spec.Ports["c"]), "c")
	list, err := e.Backend.ListServices(e.ctx, enclave)
	require.NoError(e, err)
	require.Len(e, list, 1)
	require.Len(e, e.leftovers(enclave), leftovers, "the old one left nothing")
	again, err := e.Backend.InspectService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Equal(e, after.Published, again.Published)
}

func testUpdateFails(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "tcp", "7000")
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	before := e.add(enclave, spec)
	leftovers := len(e.leftovers(enclave))

	broken := spec
	broken.Entrypoint = []string{"/tolbox"}
	_, err := e.Backend.UpdateService(e.ctx, enclave, broken)
	e.fails(err, backends.Invalid, `updating service "web": command "/tolbox" is not in the image`)
	broken = spec
	broken.Image = "kurtosis-test/no-such-image:1"
	_, err = e.Backend.UpdateService(e.ctx, enclave, broken)
	require.Equal(e, backends.ImageNotFound, backends.KindOf(err))

	after, err := e.Backend.InspectService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Equal(e, backends.Running, after.State)
	require.Equal(e, before.Published, after.Published)
	e.echo(e.open(enclave, "web", spec.Ports["echo"]), "still here")
	require.Len(e, e.leftovers(enclave), leftovers)
}
