//go:build docker

package runtime_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/docker"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

func newBench(t *testing.T) *bench {
	t.Helper()
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	toolbox, busybox := backendtest.Prepare(t, b)
	e := &bench{
		t: t, backend: b, enclaves: runtime.Enclaves{Backend: b, State: t.TempDir()},
		name: "run-" + backends.NewUUID()[:8], toolbox: toolbox, busybox: busybox,
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if enclave, err := b.InspectEnclave(ctx, e.name); err == nil {
			require.NoError(t, e.enclaves.Remove(ctx, enclave, true))
		}
		for _, ref := range e.images {
			require.NoError(t, b.RemoveImage(ctx, ref))
		}
	})
	return e
}

const everything = `
def run(plan, args):
    plan.print("starting")
    conf = plan.render_templates(name="conf", config={
        "/index.json": struct(template='{"name": "{{ .name }}", "numbers": [{{ range $i, $n := .numbers }}{{ if $i }}, {{ end }}{{ $n }}{{ end }}]}', data={"name": "web", "numbers": [1, 2, 3]}),
    })
    static = plan.upload_files(src="./static", name="static")
    web = plan.add_service(name="web", config=ServiceConfig(
        image="@busybox",
        ports={"http": PortSpec(number=80, application_protocol="http", wait="30s")},
        files={"/www": Directory(artifact_names=[conf, static]), "/data": Directory(persistent_key="web-data")},
        entrypoint=["/bin/sh", "-c"],
        cmd=["echo $OWN_ADDRESS > /own; exec httpd -f -v -p 80 -h /www"],
        env_vars={"OWN_ADDRESS": "KURTOSIS_IP_ADDR_PLACEHOLDER"},
        ready_conditions=ReadyCondition(
            recipe=GetHttpRequestRecipe(port_id="http", endpoint="/index.json"),
            field="code", assertion="==", target_value=200, interval="100ms", timeout="20s"),
        labels={"tier": "front"},
        user=User(uid=0, gid=0),
        tini_enabled=True,
        max_memory=64,
        max_cpu=500,
    ))
    own = plan.exec(service_name="web", recipe=ExecRecipe(command=["cat", "/own"]))
    plan.verify(value=own["code"], assertion="==", target_value=0)
    plan.verify(value=own["output"], assertion="==", target_value=web.ip_address + "\n")
    answer = plan.request(service_name="web", recipe=GetHttpRequestRecipe(
        port_id="http", endpoint="/index.json", extract={"name": ".name", "all": ".numbers[]", "sum": ".numbers | add"}))
    plan.verify(value=answer["extract.name"], assertion="==", target_value="web")
    plan.verify(value=answer["extract.sum"], assertion=">", target_value=5)
    plan.verify(value=answer["extract.all"], assertion="==", target_value=[1, 2, 3])
    plan.wait(service_name="web", recipe=ExecRecipe(command=["sh", "-c", "date +%s >> /data/tries; wc -l < /data/tries"],
        extract={"tries": "fromjson"}), field="extract.tries", assertion=">=", target_value=3, interval="50ms", timeout="20s")
    task = plan.run_sh(run="cat /in/hello.txt; echo from $WHERE; mkdir /out; echo $WHERE > /out/a; echo b > /out/b", image="@busybox",
        env_vars={"WHERE": web.hostname}, files={"/in": static}, store=[StoreSpec(src="/out/*", name="flat"), "/out"])
    plan.verify(value=task.code, assertion="==", target_value=0)
    plan.verify(value=task.output, assertion="==", target_value="hello\nfrom web\n")
    kept = plan.store_service_files(service_name="web", src="/www/hello.txt", name="kept")
    plan.get_files_artifact(name="kept")
    batch = plan.add_services(configs={
        "w" + str(i): ServiceConfig(image="@toolbox", cmd=["http", "8080", "worker %d of %s" % (i, web.ip_address)],
            ports={"api": PortSpec(number=8080, application_protocol="http")}, files={"/kept": kept, "/flat": "flat"})
        for i in range(3)
    })
    plan.request(service_name="w2", recipe=PostHttpRequestRecipe(port_id="api", endpoint="/echo", body=batch["w1"].ip_address, content_type="text/plain"))
    plan.exec(service_name="w0", recipe=ExecRecipe(command=["/toolbox", "read", "/kept/hello.txt", "/flat/a"]))
    plan.exec(service_name="w0", recipe=ExecRecipe(command=["/toolbox", "exit", "3"]), acceptable_codes=[3])
    plan.stop_service(name="w2")
    plan.start_service(name="w2")
    plan.set_service(name="w0", config=ServiceConfig(image="@toolbox", labels={"set": "yes"}))
    plan.get_service(name="w1")
    plan.get_services()
    plan.remove_service(name="w1")
    plan.verify(value=plan.get_cluster_type(), assertion="IN", target_value=["docker", "podman"])
    plan.print("address " + web.ip_address)
    return {"address": web.ip_address, "sum": answer["extract.sum"], "task": task.output}
`

func TestEveryInstruction(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"static/hello.txt": "hello\n", "static/sub/deep.txt": "deep\n"}
	result, seen, err := b.run(t.Context(), everything, files)
	require.NoError(t, err, "%s", strings.Join(seen.results(), "\n"))
	services, err := b.backend.ListServices(t.Context(), result.Enclave.UUID)
	require.NoError(t, err)
	byName := map[string]backends.Service{}
	for _, s := range services {
		byName[s.Name] = s
		require.Equal(t, backends.Running, s.State, s.Name)
	}
	require.Len(t, byName, 3, "w1 was removed, and the task")
	web, w0, w2 := byName["web"], byName["w0"], byName["w2"]
	require.Equal(t, fmt.Sprintf("{\n\t\"address\": %q,\n\t\"sum\": 6,\n\t\"task\": \"hello\\nfrom web\\n\"\n}", web.Address), result.Output)
	uuid := map[string]string{}
	for name, a := range b.store().Artifacts {
		uuid[name] = a.UUID
	}
	texts := seen.results()
	tries := texts[11]
	require.Regexp(t, `^wait: Wait took \d+ tries \([0-9.]+m?s in total\)\. Assertion passed with following:\nCommand returned with exit code '0' and the following output:\n-{20}\n\d+\n-{20}$`, tries)
	require.Equal(t, []string{
		"print: starting",
		"render_templates: Templates artifact name 'conf' rendered with artifact UUID '" + uuid["conf"] + "'",
		"upload_files: Files with artifact name 'static' uploaded with artifact UUID '" + uuid["static"] + "'",
		"add_service: Service 'web' added with service UUID '" + web.UUID + "'",
		"exec: Command returned with exit code '0' and the following output:\n--------------------\n" + web.Address + "\n--------------------",
		"verify: Verification succeeded. Value is '0'.",
		"verify: Verification succeeded. Value is '\"" + web.Address + "\\n\"'.",
		"request: Request had response code '200' and body \"{\\\"name\\\": \\\"web\\\", \\\"numbers\\\": [1, 2, 3]}\", with extracted fields:\n'extract.name': \"web\"\n'extract.all': [1, 2, 3]\n'extract.sum': 6",
		"verify: Verification succeeded. Value is '\"web\"'.",
		"verify: Verification succeeded. Value is '6'.",
		"verify: Verification succeeded. Value is '[1, 2, 3]'.",
		tries,
		"run_sh: Command returned with exit code '0' and the following output:\n--------------------\nhello\nfrom web\n--------------------",
		"verify: Verification succeeded. Value is '0'.",
		"verify: Verification succeeded. Value is '\"hello\\nfrom web\\n\"'.",
		"store_service_files: Files with artifact name 'kept' uploaded with artifact UUID '" + uuid["kept"] + "'",
		"get_files_artifact: Fetched artifact name 'kept'",
		texts[17],
		"request: Request had response code '200' and body \"" + texts[18][len("request: Request had response code '200' and body \""):],
		"exec: Command returned with exit code '0' and the following output:\n--------------------\nhello\nweb\n--------------------",
		"exec: Command returned with exit code '3' with no output",
		"stop_service: Service 'w2' stopped",
		"start_service: Service 'w2' started",
		"set_service: Set service config on service 'w0'.",
		"get_service: Fetched service 'w1'",
		"get_services: Fetched 4 services: w0, w1, w2, web",
		texts[26],
		"get_cluster_type: Cluster type is 'docker'",
		"verify: Verification succeeded. Value is '\"docker\"'.",
		"print: address " + web.Address,
	}, texts)
	require.Regexp(t, `^add_services: Successfully added the following 3 services:\n  Service 'w0' added with UUID '`+w0.UUID+`'\n  Service 'w1' added with UUID '[0-9a-f]{32}'\n  Service 'w2' added with UUID '`+w2.UUID+`'$`, texts[17])
	require.Regexp(t, `^remove_service: Service 'w1' with service UUID '[0-9a-f]{32}' removed$`, texts[26])
	require.Equal(t, "front", web.Labels["tier"])

	var ready []string
	for _, r := range of[event.ServiceReady](seen) {
		ready = append(ready, r.Service)
		require.NotEmpty(t, r.Ports)
		require.Regexp(t, `^127\.0\.0\.1:\d+$`, r.Ports[0].Public)
	}
	require.ElementsMatch(t, []string{"web", "w0", "w1", "w2"}, ready)

	// The published port answers from this machine.
	public := web.Published["http"]
	resp, err := http.Get(fmt.Sprintf("http://%s:%d/hello.txt", public.Address, public.Number))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, resp.Body.Close())

	names := func(artifact string) []string {
		store, err := b.enclaves.Store(result.Enclave.UUID)
		require.NoError(t, err)
		_, r, err := store.Artifact(artifact)
		require.NoError(t, err)
		defer r.Close()
		var names []string
		for m, err := range state.Members(r) {
			require.NoError(t, err)
			names = append(names, m.Name)
		}
		return names
	}
	require.ElementsMatch(t, []string{"hello.txt", "sub/", "sub/deep.txt"}, names("static"))
	require.ElementsMatch(t, []string{"a", "b"}, names("flat"))
	require.ElementsMatch(t, []string{"out/", "out/a", "out/b"}, names(result.Plan.Steps[12].Artifacts()[1]))

	// Again: nothing has changed, so nothing runs, and the values are those of the first run.
	again, seen, err := b.run(t.Context(), everything, files)
	require.NoError(t, err)
	require.Empty(t, seen.results())
	require.Zero(t, again.Executed)
	require.Equal(t, len(again.Plan.Steps), again.Skipped)
	require.Equal(t, result.Output, again.Output)
	require.Equal(t, []state.RunStatus{state.RunSucceeded, state.RunSucceeded}, []state.RunStatus{b.store().Runs[0].Status, b.store().Runs[1].Status})
}

func TestUploadOfAURL(t *testing.T) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "dir/a.txt", Mode: 0o644, Size: 2, Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte("a\n"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	evil := bytes.ReplaceAll(packed.Bytes(), []byte("dir/a.txt"), []byte("../../a.t")) // the checksum is mended below
	fixChecksum(evil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a.tar":
			_, _ = w.Write(packed.Bytes())
		case "/evil.tar":
			_, _ = w.Write(evil)
		case "/one.json":
			_, _ = w.Write([]byte(`{"one": 1}`))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	b := newBench(t)
	result, seen, err := b.run(t.Context(), strings.ReplaceAll(`
def run(plan):
    plan.upload_files(src="URL/a.tar", name="archive")
    plan.upload_files(src="URL/one.json", name="file")
    plan.run_sh(run="cat /x/dir/a.txt /y/one.json", image="@busybox", files={"/x": "archive", "/y": "file"})
`, "URL", server.URL), nil)
	require.NoError(t, err)
	require.Contains(t, seen.results()[2], "\na\n{\"one\": 1}\n")
	require.Equal(t, 3, result.Executed)
	_, _, err = b.run(t.Context(), fmt.Sprintf("def run(plan):\n    plan.upload_files(src=%q)\n", server.URL+"/missing.tar"), nil)
	require.ErrorContains(t, err, "downloading "+server.URL+"/missing.tar: the server answered 404 Not Found")
	_, _, err = b.run(t.Context(), fmt.Sprintf("def run(plan):\n    plan.upload_files(src=%q)\n", server.URL+"/evil.tar"), nil)
	require.ErrorContains(t, err, "downloading "+server.URL+`/evil.tar: archive entry "../../a.t" leaves the archive's root`)
}

// fixChecksum writes the checksum that the first header of a tar has to have.
func fixChecksum(archive []byte) {
	copy(archive[148:156], "        ")
	sum := 0
	for _, b := range archive[:512] {
		sum += int(b)
	}
	copy(archive[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

func TestFailures(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		name, main string
		files      map[string]string
		message    string
		hint       string
		log        []string
	}{
		{
			name:    "image that does not exist",
			main:    `plan.add_service(name="a", config=ServiceConfig(image="localhost:1/no/such:1"))`,
			message: `pulling image "localhost:1/no/such:1": Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused`,
			hint:    "the engine, not this program, needs the way to the registry: check its proxy and DNS settings",
		},
		{
			name:    "port that never opens",
			main:    `plan.add_service(name="b", config=ServiceConfig(image="@busybox", entrypoint=["sh", "-c", "echo one; echo two; sleep 1000"], ports={"api": PortSpec(number=8080, wait="700ms")}))`,
			message: `port "api" (8080/tcp) of service "b" did not open within 700ms`,
			hint:    `the service runs, but nothing in it listens on 8080/tcp: check the number, and that it listens on all addresses (0.0.0.0); wait="10m" in its PortSpec waits longer, wait=None not at all`,
			log:     []string{"one", "two"},
		},
		{
			name:    "command that exits",
			main:    `plan.add_service(name="c", config=ServiceConfig(image="@busybox", entrypoint=["sh", "-c", "echo no database >&2; exit 4"], ports={"api": PortSpec(number=8080)}))`,
			message: `service "c" ended with exit code 4 while waiting for its port "api" (8080/tcp)`,
			log:     []string{"no database"},
		},
		{
			name:    "template that fails",
			main:    `plan.render_templates(config={"/a/b.conf": struct(template="{{ .x.y.z }}", data={"x": "text"})})`,
			message: `the template of "/a/b.conf" cannot be rendered: b.conf:1:5: executing "b.conf" at <.x.y.z>: can't evaluate field y in type interface {}`,
			hint:    "templates are Go's text/template; data is reached as {{ .name }}",
		},
		{
			name:    "template that does not parse",
			main:    `plan.render_templates(config={"a": struct(template="{{ .x", data={})})`,
			message: `the template of "a" cannot be rendered: a:1: unclosed action`,
			hint:    "templates are Go's text/template; data is reached as {{ .name }}",
		},
		{
			name:    "unacceptable code",
			main:    `plan.run_sh(run="echo out; exit 9", image="@busybox")`,
			message: "the command ended with exit code 9, which is not one of the acceptable codes [0], with output:\n  out",
			hint:    "acceptable_codes=[…] accepts others, skip_code_check=True any",
		},
		{
			name:    "task that takes too long",
			main:    `plan.run_sh(run="echo started; sleep 100", image="@busybox", wait="500ms")`,
			message: "the command did not end within 500ms",
			hint:    "wait= gives it more time, wait=None all it needs",
			log:     []string{"started"},
		},
		{
			name: "jq that matches nothing",
			main: `plan.add_service(name="d", config=ServiceConfig(image="@busybox", entrypoint=["sleep", "1000"]))
    plan.exec(service_name="d", recipe=ExecRecipe(command=["echo", "[]"], extract={"first": "fromjson | .[]"}))`,
			message: `extract "first": the jq expression "fromjson | .[]" matches nothing in the command's output`,
		},
		{
			name: "verification",
			main: `r = plan.run_sh(run="echo -n 3", image="@busybox")
    plan.verify(value=r.output, assertion="==", target_value="4")`,
			message: `verification failed: "3" == "4" does not hold`,
		},
		{
			name: "wait that never comes true",
			main: `plan.add_service(name="e", config=ServiceConfig(image="@busybox", entrypoint=["sh", "-c", "echo idle; sleep 1000"]))
    plan.wait(service_name="e", recipe=ExecRecipe(command=["echo", "-n", "no"]), field="output", assertion="==", target_value="yes", interval="50ms", timeout="400ms")`,
			message: `output == "yes" did not come true within 400ms: "no" == "yes" does not hold`,
			hint:    "timeout= waits longer",
			log:     []string{"idle"},
		},
		{
			name: "path that is not there",
			main: `plan.add_service(name="f", config=ServiceConfig(image="@busybox", entrypoint=["sleep", "1000"]))
    plan.store_service_files(service_name="f", src="/no/such/file")`,
			message: `storing /no/such/file of service "f": service "f" has no file or directory /no/such/file`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := *b
			b.t = t
			_, seen, err := b.run(t.Context(), "def run(plan):\n    "+test.main+"\n", test.files)
			var failed *execute.StepError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, test.message, failed.Failure.Message)
			require.Equal(t, test.hint, failed.Failure.Hint)
			require.Equal(t, test.log, failed.Failure.Log)
			require.NotZero(t, failed.Failure.Position.Line)
			require.Equal(t, event.Failed, of[event.Result](seen)[0].Status)
			run := b.store().LastRun()
			require.Equal(t, state.RunFailed, run.Status)
			require.NotEmpty(t, run.Failed)
		})
	}
}
