//go:build docker

package live_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/backends"
)

// TestPrivate is about what nobody may see or do.
func TestPrivate(t *testing.T) {
	engine := startEngine(t)
	for name, test := range map[string]func(*testing.T, *engineOf){
		"isolation": testIsolation, "ports": testPortScan, "archives": testHostileArchives, "secrets": testSecrets, "marked": testMarkedSecrets, "reflection": testReflection, "proxy": testProxy,
	} {
		t.Run(name, func(t *testing.T) { test(t, engine) })
	}
}

// testIsolation sends packets from services of one enclave to another's, to its API container and to the engine: by
// address and by name none arrives, while its own neighbours are reached.
func testIsolation(t *testing.T, engine *engineOf) {
	image := toolbox(t)
	script := fmt.Sprintf(`
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image=%[1]q, cmd=["tcp", "8080", "+", "udp", "9090"],
        ports={"http": PortSpec(number=8080), "udp": PortSpec(number=9090, transport_protocol="UDP", wait=None)}))
    plan.add_service(name="probe", config=ServiceConfig(image=%[1]q, cmd=["sleep"]))
`, image)
	one, two := engine.enclave(t, "isolated"), engine.enclave(t, "isolated")
	one.succeed(t, script, "{}")
	two.succeed(t, script, "{}")
	web := two.services(t)["web"]
	dial := func(e *enclaveOf, network, address string) (int32, string) {
		return e.exec(t, "probe", "/toolbox", "dial", network, address, "x")
	}
	code, out := dial(two, "tcp", net.JoinHostPort(web.PrivateIpAddr, "8080"))
	require.Zero(t, code, "a neighbour is reached: %s", out)
	code, out = two.exec(t, "probe", "/toolbox", "resolve", "web")
	require.Zero(t, code)
	require.Equal(t, web.PrivateIpAddr, strings.TrimSpace(out))
	gateway := dockerOut(t, "network", "inspect", "kt-"+one.name, "-f", "{{(index .IPAM.Config 0).Gateway}}")
	hostPort := strconv.Itoa(int(web.MaybePublicPorts["http"].Number))
	_, apiPort, err := net.SplitHostPort(two.address)
	require.NoError(t, err)
	_, enginePort, err := net.SplitHostPort(engine.address)
	require.NoError(t, err)
	own := dockerOut(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", engine.container)
	var all sync.WaitGroup
	for what, address := range map[string]string{
		"a service":                            net.JoinHostPort(web.PrivateIpAddr, "8080"),
		"the API container":                    net.JoinHostPort(two.info.ApiContainerInfo.IpInsideEnclave, "7443"),
		"the engine":                           net.JoinHostPort(own, "9710"),
		"the published port of a service":      net.JoinHostPort(gateway, hostPort),
		"the published port of an API":         net.JoinHostPort(gateway, apiPort),
		"the published port of the engine":     net.JoinHostPort(gateway, enginePort),
		"a service by a name of its container": net.JoinHostPort("web--"+web.ServiceUuid, "8080"),
	} {
		all.Go(func() { // most packets are dropped in silence, which takes its time
			code, out := dial(one, "tcp", address)
			assert.NotZero(t, code, "%s can be reached from another enclave at %s: %s", what, address, out)
		})
	}
	all.Wait()
	code, out = dial(one, "udp", net.JoinHostPort(web.PrivateIpAddr, "9090"))
	require.NotZero(t, code, "a datagram was answered: %s", out)
	// The same name is another service in each.
	_, out = one.exec(t, "probe", "/toolbox", "resolve", "web")
	require.NotEqual(t, web.PrivateIpAddr, strings.TrimSpace(out))
}

// testPortScan looks at every port that is published for an engine, an enclave and a service: all are on loopback, and
// on none of the machine's other addresses does anything of them answer.
func testPortScan(t *testing.T, engine *engineOf) {
	image := toolbox(t)
	e := engine.enclave(t, "scan")
	e.succeed(t, fmt.Sprintf(`
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image=%q, cmd=["http", "8080", "x", "+", "tcp", "9999"], ports={"http": PortSpec(number=8080)}))
`, image), "{}")
	web := dockerOut(t, "ps", "-q", "--filter", "label=com.kurtosistech.guid="+e.services(t)["web"].ServiceUuid)
	var published []string
	for _, container := range []string{engine.container, e.container, web} {
		var ports map[string][]struct{ HostIp, HostPort string }
		require.NoError(t, json.Unmarshal([]byte(dockerOut(t, "inspect", "-f", "{{json .NetworkSettings.Ports}}", container)), &ports))
		require.Len(t, ports, 1, "one port of each is published: %v", ports)
		for _, bindings := range ports {
			require.Len(t, bindings, 1)
			require.Equal(t, "127.0.0.1", bindings[0].HostIp)
			published = append(published, bindings[0].HostPort)
		}
	}
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	others := 0
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		if ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		others++
		for _, port := range published {
			conn, err := net.Dial("tcp", net.JoinHostPort(ip.String(), port))
			if err == nil {
				conn.Close()
			}
			require.Error(t, err, "%s:%s answers", ip, port)
		}
	}
	require.NotZero(t, others, "this machine has an address besides loopback")
	for _, port := range published {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
		require.NoError(t, err)
		conn.Close()
	}
}

// testHostileArchives uploads archives that want to write elsewhere, or to fill the disk: each is refused, by the
// member that is at fault, and leaves nothing.
func testHostileArchives(t *testing.T, engine *engineOf) {
	e := engine.enclave(t, "hostile")
	pack := func(members ...*tar.Header) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		for _, h := range members {
			require.NoError(t, w.WriteHeader(h))
			_, err := io.CopyN(w, zeros{}, h.Size)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		require.NoError(t, z.Close())
		return b.Bytes()
	}
	for _, c := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"parent", pack(&tar.Header{Name: "../evil", Mode: 0o644, Typeflag: tar.TypeReg}), `archive entry "../evil" leaves the archive's root`},
		{"inner parent", pack(&tar.Header{Name: "a/../../evil", Mode: 0o644, Typeflag: tar.TypeReg}), `archive entry "a/../../evil" leaves the archive's root`},
		{"link", pack(&tar.Header{Name: "link", Linkname: "../../etc/passwd", Typeflag: tar.TypeSymlink}), `archive entry "link" links to "../../etc/passwd", outside of the archive`},
		{"hard-link", pack(&tar.Header{Name: "hard", Linkname: "/etc/passwd", Typeflag: tar.TypeLink}), `archive entry "hard" links to "/etc/passwd", outside of the archive`},
		{"device", pack(&tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Devmajor: 8}), `archive entry "disk" is a device or a pipe, not a file`},
		{"fifo", pack(&tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}), `archive entry "pipe" is a device or a pipe, not a file`},
		{"bomb", bomb(t), "the archive unpacks to more than 200 times its size"},
		{"no-archive", []byte("hello"), "the archive is damaged"},
	} {
		err := e.upload(t.Context(), "hostile", bytes.NewReader(c.archive))
		require.ErrorContains(t, err, c.want, c.name)
		require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err), "%s: %s", c.name, err)
	}
	inside := dockerOut(t, "run", "--rm", "--network", "none", "-v", backends.DataVolumeName(e.uuid)+":/d", toolbox(t), "ls", "/d/state/"+e.uuid+"/artifacts")
	require.Empty(t, strings.TrimSpace(inside), "nothing of them is kept")
}

// bomb is an archive of one file of more than a gigabyte of zeros.
func bomb(t *testing.T) []byte {
	t.Helper()
	const block = 64 << 20
	compress := func(write func(io.Writer) error) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		require.NoError(t, write(z))
		require.NoError(t, z.Close())
		return b.Bytes()
	}
	archive := compress(func(out io.Writer) error {
		return tar.NewWriter(out).WriteHeader(&tar.Header{Name: "zeros", Mode: 0o644, Typeflag: tar.TypeReg, Size: 1 << 40})
	})
	return append(archive, bytes.Repeat(compress(func(out io.Writer) error {
		_, err := io.CopyN(out, zeros{}, block)
		return err
	}), 1<<30/block+4)...)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// testSecrets gives a service secrets and looks for them everywhere but where they belong.
func testSecrets(t *testing.T, engine *engineOf) {
	image := toolbox(t)
	const password, value = "registry-password-8f2c", "secret-value-8f2c"
	e := engine.enclave(t, "secrets")
	script := fmt.Sprintf(`
def run(plan, password):
    plan.add_service(name="web", config=ServiceConfig(image=ImageSpec(image=%[1]q, username="u", password=%[2]q), cmd=["sleep"], env_vars={"API_TOKEN": password}))
    plan.print("done")
`, image, password)
	params := fmt.Sprintf(`{"password": %q}`, value)
	var said strings.Builder
	o, err := e.run(t.Context(), script, params, func(l *line) { said.WriteString(l.String()) })
	require.NoError(t, err)
	require.True(t, o.ok, "%v", o.errors)
	yaml, err := e.GetStarlarkScriptPlanYaml(t.Context(), connect.NewRequest(&pb.StarlarkScriptPlanYamlArgs{SerializedScript: script, SerializedParams: &params}))
	require.NoError(t, err)
	places := map[string]string{
		"the output of the run":          said.String(),
		"the plan":                       yaml.Msg.PlanYaml,
		"the log of the engine":          dockerOut(t, "logs", engine.container),
		"the log of the API container":   dockerOut(t, "logs", e.container),
		"labels":                         dockerOut(t, "ps", "-a", "--no-trunc", "--format", "{{.Labels}} {{.Command}}"),
		"the API container's inspect":    dockerOut(t, "inspect", e.container),
		"the network's and the volume's": dockerOut(t, "network", "inspect", "kt-"+e.name) + dockerOut(t, "volume", "inspect", backends.DataVolumeName(e.uuid)),
	}
	for where, text := range places {
		require.NotContains(t, text, password, where)
		if where != "the plan" && where != "the output of the run" { // an argument is in the plan where the script puts it
			require.NotContains(t, text, value, where)
		}
	}
	code, out := e.exec(t, "web", "/toolbox", "env", "API_TOKEN")
	require.Zero(t, code)
	require.Equal(t, value, strings.TrimSpace(out), "the service has it")
	read := func(file string) string {
		return dockerOut(t, "run", "--rm", "--network", "none", "-v", backends.DataVolumeName(e.uuid)+":/d", image, "read", "/d/state/"+e.uuid+"/"+file)
	}
	state := read("state.json") + read("journal.jsonl")
	require.Contains(t, state, `"add_service"`)
	require.NotContains(t, state, password, "what is remembered")
}

// testMarkedSecrets marks arguments and variables as secrets on the command line, and looks for them everywhere.
func testMarkedSecrets(t *testing.T, engine *engineOf) {
	image := toolbox(t)
	const token, key = "marked-token-71d0", "-----BEGIN KEY-----\nmarked-key-71d0-line-one\nmarked-key-71d0-line-two\n-----END KEY-----\n"
	const piece = "71d0"
	file, err := build()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), []byte(key), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.star"), fmt.Appendf(nil, `
def run(plan, token, mev):
    plan.add_service(name="web", description="adding with " + token, config=ServiceConfig(image=%[1]q, cmd=["sleep"], labels={"of": "x-" + token},
        env_vars={"TOKEN": token, "DSN": "pg://u:%%s@db/x" %% token, "KEY": mev["key"]}))
    said = plan.exec(service_name="web", recipe=ExecRecipe(command=["/toolbox", "print", "it is " + token, mev["key"]]))
    plan.verify(value=said["code"], assertion="==", target_value=0)
    plan.print([token, mev])
    return struct(said=said["output"], token=token)
`, image), 0o600))
	e := engine.enclave(t, "marked")
	places := map[string]string{}
	command := func(words ...string) string {
		t.Helper()
		cmd := exec.Command(file, words...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "KURTOSIS_ENGINE="+engine.name, "LIVE_TOKEN="+token)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s", words, out)
		places[strings.Join(words, " ")] = string(out)
		return string(out)
	}
	run := []string{"run", "main.star", `{"mev": {}}`, "--enclave", e.name, "--secret", "token=env:LIVE_TOKEN", "--secret", "mev.key=file:key.pem"}
	with := func(more ...string) []string { return append(slices.Clone(run), more...) }
	said := command(with("-v", "detailed")...)
	require.Contains(t, said, `"DSN": "pg://u:***@db/x"`)
	require.Contains(t, said, "it is ***", "what a command wrote")
	require.Contains(t, command(with("--dry-run")...), "0 of 4 steps would run")
	for _, format := range []string{"json", "yaml", "mermaid", "dot"} {
		command(with("--dry-run", "-o", format)...)
	}
	command(with("-o", "json")...)
	command("service", "add", e.name, "extra", image, "--secret-env", "PASS=env:LIVE_TOKEN", "--env", "PLAIN=1")
	require.Contains(t, command("service", "update", e.name, "extra", "--env", "PLAIN=2"), "PASS=***")
	command("service", "update", e.name, "web", "--env", "PLAIN=2", "-o", "json")
	require.Contains(t, command("service", "inspect", e.name, "web"), "DSN=pg://u:***@db/x")
	command("service", "inspect", e.name, "web", "-o", "json")
	command("enclave", "inspect", e.name)
	command("enclave", "inspect", e.name, "-o", "json")
	command("enclave", "dump", e.name, "dump")
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "dump"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, readErr := os.ReadFile(path)
			places["the dump's "+d.Name()], err = string(text), readErr
		}
		return err
	}))

	// The services have them, also after an update by somebody who does not know them.
	for variable, want := range map[string]string{"TOKEN": token, "DSN": "pg://u:" + token + "@db/x", "KEY": strings.TrimSuffix(key, "\n"), "PLAIN": "2"} {
		code, out := e.exec(t, "web", "/toolbox", "env", variable)
		require.Zero(t, code)
		require.Equal(t, want, strings.TrimSuffix(out, "\n"))
	}
	_, out := e.exec(t, "extra", "/toolbox", "env", "PASS")
	require.Equal(t, token, strings.TrimSpace(out))

	record, err := e.GetStarlarkRun(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	places["the record of the last run"] = record.Msg.String()
	services, err := e.GetServices(t.Context(), connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	require.Equal(t, "***", services.Msg.ServiceInfo["web"].Container.EnvVars["TOKEN"])
	places["the services of the reference's API"] = services.Msg.String()
	places["the log of the engine"] = dockerOut(t, "logs", engine.container)
	places["the log of the API container"] = dockerOut(t, "logs", e.container)
	places["inspections of both"] = dockerOut(t, "inspect", engine.container, e.container)
	places["labels"] = dockerOut(t, "ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.Labels}}")
	require.Contains(t, places["labels"], "x-hidden")
	for where, text := range places {
		require.NotContains(t, text, piece, where)
	}

	// Of the enclave's files, one has them.
	where := dockerOut(t, "inspect", "-f", "{{range .Mounts}}{{if .Name}}{{.Destination}}{{end}}{{end}}", e.container)
	archive, err := exec.Command("docker", "cp", e.container+":"+where, "-").Output()
	require.NoError(t, err)
	var holders []string
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		text, err := io.ReadAll(files)
		require.NoError(t, err)
		if bytes.Contains(text, []byte(piece)) {
			holders = append(holders, filepath.Base(h.Name))
			require.Equal(t, int64(0o600), h.Mode&0o777, h.Name)
		}
	}
	require.Equal(t, []string{"secrets.json"}, holders)
}

// testReflection asks both servers what they serve, and finds the messages of every service.
func testReflection(t *testing.T, engine *engineOf) {
	e := engine.enclave(t, "reflect")
	transport := &http.Transport{Protocols: new(http.Protocols)} // gRPC proper, over HTTP/2 without TLS
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	for address, services := range map[string][]string{
		engine.address: {"engine_api.EngineService", "kurtosis.v1.EngineService"},
		e.address:      {"api_container_api.ApiContainerService", "kurtosis.v1.EnclaveService"},
	} {
		stream := grpcreflect.NewClient(&http.Client{Transport: transport}, "http://"+address).NewStream(t.Context())
		names, err := stream.ListServices()
		require.NoError(t, err)
		for _, service := range services {
			require.Contains(t, names, protoreflect.FullName(service))
			files, err := stream.FileContainingSymbol(protoreflect.FullName(service))
			require.NoError(t, err)
			require.NotEmpty(t, files)
		}
		_, err = stream.Close()
		require.NoError(t, err)
	}
	info, err := engine.GetEnclavesByUuids(t.Context(), connect.NewRequest(&engineapi.GetEnclavesByUuidsArgs{EnclaveUuids: []string{e.uuid}}))
	require.NoError(t, err)
	require.Len(t, info.Msg.EnclaveInfo, 1)
}
