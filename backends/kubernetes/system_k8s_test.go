//go:build k8s

package kubernetes_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// heard waits for a line of a container of ours.
func (f *faulty) heard(id, text string) {
	f.Helper()
	for line, err := range f.SystemLogs(f.ctx, id, backends.LogOptions{Follow: true}) {
		require.NoError(f, err)
		if line.Text == text {
			return
		}
	}
	f.Fatalf("%s never said %q", id, text)
}

// ask makes a request by way of DialSystem.
func (f *faulty) ask(s backends.System) (string, error) {
	conn, err := f.DialSystem(f.ctx, s)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body := make([]byte, 100)
	n, _ := resp.Body.Read(body)
	return string(body[:n]), nil
}

// secret looks at where the settings of a container of ours are: in a Secret, and nowhere in what describes its Pod.
func (f *faulty) secret(s backends.System, spec backends.SystemSpec) {
	f.Helper()
	settings, err := f.SystemSettings(f.ctx, s.ID)
	require.NoError(f, err)
	require.Equal(f, backends.SystemSettings{Command: spec.Command, Env: spec.Env}, settings)
	namespace, name, _ := strings.Cut(s.ID, "/")
	secret, err := f.Client().CoreV1().Secrets(namespace).Get(f.ctx, name, meta.GetOptions{})
	require.NoError(f, err)
	require.Equal(f, map[string][]byte{"GREETING": []byte(spec.Env["GREETING"])}, secret.Data)
	set, err := f.Client().AppsV1().ReplicaSets(namespace).Get(f.ctx, name, meta.GetOptions{})
	require.NoError(f, err)
	pods, err := f.Client().CoreV1().Pods(namespace).List(f.ctx, meta.ListOptions{LabelSelector: "kurtosistech.com/guid=" + spec.UUID})
	require.NoError(f, err)
	require.NotEmpty(f, pods.Items)
	for _, object := range []any{set, pods} {
		text, err := json.Marshal(object)
		require.NoError(f, err)
		require.Contains(f, string(text), `"envFrom":[{"secretRef":{"name":"`+name+`"}}]`)
		require.NotContains(f, string(text), spec.Env["GREETING"])
	}
}

func (f *faulty) systemNamed(kind, name string) *backends.System {
	f.Helper()
	list, err := f.ListSystems(f.ctx, kind)
	require.NoError(f, err)
	for _, s := range list {
		if s.Name == name {
			return &s
		}
	}
	return nil
}

// TestSystems runs containers of ours: one of an engine, and one in an enclave.
func TestSystems(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	for _, enclave := range []string{"", f.enclave.UUID} {
		uuid := backends.NewUUID()
		spec := backends.SystemSpec{
			Kind: backends.ContainerTypeEngine, Name: backends.EngineName(uuid), UUID: uuid, Image: f.toolbox, Port: 9710,
			Command: []string{"env", "GREETING", "+", "print", "ready: yes", "+", "http", "9710", "it works"}, Env: map[string]string{"GREETING": "a $(B)"},
			Labels: map[string]string{backends.LabelEngine: "test"}, PublishPort: 9710, Control: true,
			Volume: "data-of-" + uuid[:8], VolumeType: backends.VolumeTypeEngine, VolumePath: "/data",
		}
		namespace := kubernetes.EngineNamespace
		if enclave != "" {
			spec.Kind, spec.Name, spec.Enclave, spec.VolumeType, namespace = backends.ContainerTypeAPI, backends.APIContainerName(enclave), enclave, backends.VolumeTypeData, f.namespace()
		}
		started, err := f.StartSystem(f.ctx, spec)
		require.NoError(t, err)
		require.Equal(t, backends.Running, started.State)
		require.Equal(t, namespace+"/"+spec.Name, started.ID)
		require.Equal(t, spec.Labels, started.Labels)
		require.Equal(t, enclave != "", started.Address != "")
		f.heard(started.ID, "ready: yes")
		f.secret(started, spec)
		_, err = f.StartSystem(f.ctx, spec)
		require.EqualError(t, err, "starting "+spec.Name+": there is a container of that name already")
		require.Equal(t, backends.AlreadyExists, backends.KindOf(err))
		body, err := f.ask(started)
		require.NoError(t, err)
		require.Equal(t, "it works", body)

		// Killed, it comes back by itself.
		pods := f.Client().CoreV1().Pods(namespace)
		mine := meta.ListOptions{LabelSelector: "kurtosistech.com/guid=" + uuid}
		require.NoError(t, pods.DeleteCollection(f.ctx, meta.DeleteOptions{GracePeriodSeconds: new(int64)}, mine))
		require.Eventually(t, func() bool {
			body, err := f.ask(started)
			return err == nil && body == "it works"
		}, time.Minute, 50*time.Millisecond)

		require.NoError(t, f.StopSystem(f.ctx, started.ID))
		stopped := f.systemNamed(spec.Kind, spec.Name)
		require.Equal(t, backends.Stopped, stopped.State)
		_, err = f.DialSystem(f.ctx, started)
		require.EqualError(t, err, spec.Name+" does not run")
		require.Equal(t, backends.Exited, backends.KindOf(err))
		for line, err := range f.SystemLogs(f.ctx, started.ID, backends.LogOptions{}) {
			t.Fatal("what a pod that is gone said is forgotten, but there is", line, err)
		}
		require.NoError(t, f.ResumeSystem(f.ctx, started.ID))
		f.heard(started.ID, spec.Env["GREETING"])
		f.heard(started.ID, "ready: yes")
		f.secret(started, spec)
		again := f.systemNamed(spec.Kind, spec.Name)
		require.Equal(t, started.Address, again.Address)

		require.NoError(t, f.RemoveSystem(f.ctx, started.ID))
		require.Nil(t, f.systemNamed(spec.Kind, spec.Name))
		_, err = f.Client().CoreV1().ServiceAccounts(namespace).Get(f.ctx, spec.Name, meta.GetOptions{})
		require.True(t, apierrors.IsNotFound(err), err)
		_, err = f.Client().CoreV1().Secrets(namespace).Get(f.ctx, spec.Name, meta.GetOptions{})
		require.True(t, apierrors.IsNotFound(err), err)
		_, err = f.Client().CoreV1().PersistentVolumeClaims(namespace).Get(f.ctx, spec.Volume, meta.GetOptions{})
		require.NoError(t, err, "the volume stays")
		require.NoError(t, f.RemoveSystem(f.ctx, started.ID), "it may be repeated")
		if enclave == "" {
			require.NoError(t, f.RemoveSystemVolume(f.ctx, spec.Volume))
			_, err = f.Client().CoreV1().Namespaces().Get(f.ctx, namespace, meta.GetOptions{})
			require.True(t, apierrors.IsNotFound(err), err)
			_, err = f.Client().RbacV1().ClusterRoles().Get(f.ctx, "kurtosis-engine", meta.GetOptions{})
			require.True(t, apierrors.IsNotFound(err), err)
			require.NoError(t, f.RemoveSystemVolume(f.ctx, spec.Volume), "it may be repeated")
		}
	}
}

// TestSystemFails leaves nothing of a container of ours that cannot run.
func TestSystemFails(t *testing.T) {
	f := newFaulty(t, kubernetes.Options{})
	uuid := backends.NewUUID()
	name := backends.APIContainerName(f.enclave.UUID)
	_, err := f.StartSystem(f.ctx, backends.SystemSpec{Kind: backends.ContainerTypeAPI, Name: name, UUID: uuid, Image: "kurtosis-test/absent:1", Port: 7443,
		Enclave: f.enclave.UUID, Volume: backends.DataVolumeName(f.enclave.UUID), VolumeType: backends.VolumeTypeData, VolumePath: "/data"})
	require.EqualError(t, err, "starting "+name+`: the engine has no image "kurtosis-test/absent:1"`)
	require.Equal(t, backends.ImageNotFound, backends.KindOf(err))
	require.Nil(t, f.systemNamed(backends.ContainerTypeAPI, name))
	_, err = f.Client().CoreV1().ServiceAccounts(f.namespace()).Get(f.ctx, name, meta.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), err)
}

func TestInPod(t *testing.T) {
	_, ok, err := kubernetes.InPod(func(string) string { return "" })
	require.NoError(t, err)
	require.False(t, ok)
	_, _, err = kubernetes.InPod(func(string) string { return "{" })
	require.ErrorContains(t, err, "KURTOSIS_KUBERNETES cannot be read: ")
}
