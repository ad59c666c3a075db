package plan

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEncode makes calls of ServiceConfig that decode into what they were made of.
func TestEncode(t *testing.T) {
	wait, standard, group := 5*time.Second, 2*time.Minute, int64(0)
	for _, c := range []struct {
		config ServiceConfig
		want   string
	}{
		{ServiceConfig{Image: Image{Name: "web"}, IPPlaceholder: "KURTOSIS_IP_ADDR_PLACEHOLDER", TiniEnabled: true}, `ServiceConfig(image="web")`},
		{ServiceConfig{
			Image: Image{Spec: &ImageSpec{Image: "r.test/a:1", Username: "me"}},
			Ports: Map[PortSpec]{
				{"http", PortSpec{Number: 80, TransportProtocol: "TCP", ApplicationProtocol: "http", Wait: &standard}},
				{"dns", PortSpec{Number: 53, TransportProtocol: "UDP"}}, {"slow", PortSpec{Number: 1, TransportProtocol: "TCP", Wait: &wait}},
			},
			Files: Map[Directory]{{"/a", Directory{ArtifactNames: []string{"x", "y"}}}, {"/b", Directory{PersistentKey: "k", Size: 2048 << 20}}},
			Cmd:   []string{"sh", "-c", `echo "é"`}, EnvVars: Map[string]{{"B", "2"}, {"A", "1"}}, IPPlaceholder: "IP", MaxMemory: 64,
			ReadyConditions: &ReadyCondition{
				Recipe: Recipe{HTTP: &HTTPRecipe{Method: "POST", PortID: "http", Endpoint: "/", Body: "{}", ContentType: "application/json"}},
				Field:  "code", Assertion: "==", TargetValue: NewInt(200), Interval: time.Second, Timeout: time.Minute,
			},
			User: &User{UID: 1000, GID: &group}, Tolerations: []Toleration{{Key: "k", Operator: "Exists"}}, TTYEnabled: true,
			GPU: &GpuConfig{Count: -1, Ulimits: Map[int64]{{"memlock", -1}}, Driver: GpuDriver{"nvidia", "n.com/gpu"}},
		}, `ServiceConfig(image=ImageSpec(image="r.test/a:1", username="me"), ports={"dns": PortSpec(number=53, transport_protocol="UDP", wait=None), ` +
			`"http": PortSpec(number=80, application_protocol="http"), "slow": PortSpec(number=1, wait="5s")}, ` +
			`files={"/a": Directory(artifact_names=["x", "y"]), "/b": Directory(persistent_key="k", size=2048)}, cmd=["sh", "-c", "echo \"é\""], ` +
			`env_vars={"A": "1", "B": "2"}, private_ip_address_placeholder="IP", max_memory=64, ` +
			`ready_conditions=ReadyCondition(recipe=PostHttpRequestRecipe(port_id="http", endpoint="/", body="{}", content_type="application/json"), ` +
			`field="code", assertion="==", target_value=200, timeout="1m0s"), user=User(uid=1000, gid=0), ` +
			`tolerations=[Toleration(key="k", operator="Exists")], tini_enabled=False, tty_enabled=True, ` +
			`gpu=GpuConfig(count=-1, ulimits={"memlock": -1}, driver={"docker": "nvidia", "kubernetes": "n.com/gpu"}))`},
	} {
		object := c.config.Object()
		require.Equal(t, c.want, object.String())
		var back ServiceConfig
		require.NoError(t, decodeFields("ServiceConfig", object.Fields, reflect.ValueOf(&back).Elem()))
		require.Equal(t, c.config, back)
	}
	built := ServiceConfig{Image: Image{Build: &ImageBuildSpec{ImageName: "made"}}, IPPlaceholder: "KURTOSIS_IP_ADDR_PLACEHOLDER", TiniEnabled: true}
	require.Equal(t, `ServiceConfig(image="made")`, built.Object().String())
}
