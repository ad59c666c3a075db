package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

const everyAttribute = `{
	"image": {"image": "registry.test/web:1", "registry": "https://registry.test/v2/", "username": "mary", "password": "had a lamb"},
	"ports": {"http": {"number": 80, "transport_protocol": "TCP", "application_protocol": "http", "wait": "5s"}},
	"public_ports": {"http": {"number": 8080}},
	"files": {"/conf": "conf", "/both": {"artifact_names": ["a", "b"]}, "/data": {"persistent_key": "data", "size": 10}},
	"entrypoint": ["/bin/sh"], "cmd": ["-c", "sleep 1"], "env_vars": {"A": "b"},
	"private_ip_address_placeholder": "KURTOSIS_IP_ADDR_PLACEHOLDER",
	"max_cpu": 1000, "min_cpu": 500, "max_memory": 512, "min_memory": 256,
	"ready_conditions": {"recipe": {"port_id": "http", "endpoint": "/ready", "extract": {"ok": ".ok"}}, "field": "code", "assertion": "==", "target_value": 200, "interval": "1s", "timeout": "10s"},
	"labels": {"team": "a"}, "user": {"uid": 1000, "gid": 1000},
	"tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule", "toleration_seconds": 3}],
	"node_selectors": {"disk": "ssd"}, "files_to_be_moved": {"/conf/a": "/etc/a"},
	"tini_enabled": true, "tty_enabled": true, "devices": ["/dev/null"], "publish_udp": true, "capabilities": ["NET_ADMIN"],
	"gpu": {"count": 1, "shm_size": 64, "ulimits": {"memlock": 1}},
	"privileged": true, "host_pid_namespace": true, "bind_mounts": {"/var/run/docker.sock": "/docker.sock"}, "cpu_allocation": 900, "memory_allocation": 300
}`

// planned is what a run of a script that adds a service of config would do.
func planned(t *testing.T, config *plan.Object) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.star")
	call := plan.Object{Constructor: "plan.add_service", Fields: []plan.Field{{Name: "name", Value: plan.String("web")}, {Name: "config", Value: config}}}
	require.NoError(t, os.WriteFile(file, []byte("def run(plan):\n    "+call.String()+"\n"), 0o600))
	pkg, err := packages.Open(t.Context(), file, packages.Options{})
	require.NoError(t, err)
	made, err := runtime.Plan(t.Context(), runtime.Options{Package: pkg, Privileged: true})
	if err != nil {
		return "", err
	}
	return made.Plan.Steps[0].Call(), nil
}

// TestServiceConfigOfJSON: every attribute of ServiceConfig has a form in JSON, and comes out as the call says it.
func TestServiceConfigOfJSON(t *testing.T) {
	config, err := serviceConfig([]byte(everyAttribute))
	require.NoError(t, err)
	attributes := reflect.TypeFor[plan.ServiceConfig]()
	for i := range attributes.NumField() {
		name, _, _ := strings.Cut(attributes.Field(i).Tag.Get("star"), ",")
		_, ok := config.Field(name)
		require.True(t, ok, "%s is in the test's JSON", name)
	}
	login := takeLogin(config)
	require.Equal(t, "had a lamb", login.Password)
	require.Equal(t, "mary", login.Username)
	require.Equal(t, "registry.test", login.Registry)
	call, err := planned(t, config)
	require.NoError(t, err)
	for _, part := range []string{
		`image="registry.test/web:1"`, `ports={"http": PortSpec(number=80, transport_protocol="TCP", application_protocol="http", wait="5s")}`,
		`public_ports={"http": PortSpec(number=8080)}`, `"/both": Directory(artifact_names=["a", "b"])`, `"/data": Directory(persistent_key="data", size=10)`,
		`ready_conditions=ReadyCondition(recipe=GetHttpRequestRecipe(port_id="http", endpoint="/ready", extract={"ok": ".ok"}), field="code", assertion="==", target_value=200, interval="1s", timeout="10s")`,
		`user=User(uid=1000, gid=1000)`, `tolerations=[Toleration(key="k", operator="Exists", effect="NoSchedule", toleration_seconds=3)]`,
		`gpu=GpuConfig(count=1, shm_size=64, ulimits={"memlock": 1})`, `bind_mounts={"/var/run/docker.sock": "/docker.sock"}`, `devices=["/dev/null"]`,
	} {
		require.Contains(t, call, part)
	}

	for text, want := range map[string]string{
		`{"image": "x", "ready_conditions": {"recipe": {"command": ["true"]}, "field": "code", "assertion": "==", "target_value": 0}}`:                             `recipe=ExecRecipe(command=["true"])`,
		`{"image": "x", "ready_conditions": {"recipe": {"port_id": "p", "endpoint": "/", "body": "{}"}, "field": "code", "assertion": "==", "target_value": 200}}`: `recipe=PostHttpRequestRecipe(port_id="p", endpoint="/", body="{}")`,
	} {
		config, err := serviceConfig([]byte(text))
		require.NoError(t, err)
		call, err := planned(t, config)
		require.NoError(t, err)
		require.Contains(t, call, want)
	}
	for text, want := range map[string]string{
		`{"imag": "x"}`:                                    `ServiceConfig: unexpected keyword argument "imag" | ServiceConfig takes image`,
		`{"image": "x", "ports": {"http": 80}}`:            `'ports["http"]' is expected to be a PortSpec. Got starlark.Int | `,
		`{"image": "x", "ports": {"http": {"nuber": 80}}}`: `PortSpec: unexpected keyword argument "nuber" | PortSpec takes number`,
		`{"image": "x", "max_cpu": "much"}`:                `ServiceConfig: max_cpu: Value for 'max_cpu' was expected to be a starlark.Int but was 'starlark.String' | `,
	} {
		config, err := serviceConfig([]byte(text))
		require.NoError(t, err)
		_, err = planned(t, config)
		require.Error(t, err)
		said := withoutPlace(err)
		assert.Equal(t, want, said.Error()+" | "+hintOf(said), text)
	}
}
