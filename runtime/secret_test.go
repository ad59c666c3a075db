package runtime_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

const password = `s3cret "quoted" pässword`

// private uses a password in every place that takes an image, and shows the objects that hold it.
const private = `
def run(plan):
    spec = ImageSpec(image="registry.test/private:1", registry="registry.test", username="user", password="s3cret \"quoted\" pässword")
    config = ServiceConfig(image=spec, labels={"a": "b"})
    plan.add_service(name="db", config=config)
    plan.add_services(configs={"a": config})
    plan.run_sh(run="x", image=spec)
    plan.run_python(run="x", image=spec)
    plan.set_service(name="a", config=ServiceConfig(image=spec))
    plan.print(spec)
    plan.print([str(config), {"a": spec}, "%r" % spec])
    plan.verify(value=str(spec), assertion="!=", target_value="")
    return struct(spec=spec, config=config)
`

// hidden says that no form of the password is in what people or files get.
func hidden(t *testing.T, where, text string) {
	t.Helper()
	for _, piece := range []string{"s3cret", "quoted", "pässword", `p\u00e4ssword`} {
		require.NotContains(t, text, piece, where)
	}
}

// TestPasswordsAreHidden: a registry's password reaches the registry, and nothing else.
func TestPasswordsAreHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		engine.AddRemoteImage("registry.test/private:1", fake.Image{NeedAuth: true, Program: sleeps})
		withArgs := func(o *runtime.RunOptions) { o.ArgsText = `{"password": "s3cret \"quoted\" pässword"}` }
		result, seen, err := b.run(t.Context(), private, nil, withArgs)
		require.NoError(t, err)
		hiddenInPlan(t, result.Plan)
		require.Contains(t, result.Output, `"password": "***"`)
		hidden(t, "output", result.Output)
		var log bytes.Buffer
		sink := event.NewJSONLines(&log, time.Now)
		for _, e := range seen.all {
			sink.Emit(e)
			text, err := json.Marshal(e)
			require.NoError(t, err)
			hidden(t, e.Type(), string(text))
		}
		hidden(t, "JSON lines", log.String())
		hiddenFiles(t, b.enclaves.State, func(where, text string) { t.Helper(); hidden(t, where, text) })

		// A second run takes what the first one left, and hides as well.
		_, _, err = b.run(t.Context(), private, nil, withArgs)
		require.NoError(t, err)
		hiddenFiles(t, b.enclaves.State, func(where, text string) { t.Helper(); hidden(t, where, text) })

		// The registry refuses the password: the error does not tell it.
		engine.AddRemoteImage("registry.test/private:2", fake.Image{
			PullError: backends.Errorf(backends.AuthNeeded, "pulling image %q: unauthorized: incorrect username or password", "registry.test/private:2"),
		})
		_, seen, err = b.run(t.Context(), strings.ReplaceAll(private, "private:1", "private:2"), nil, withArgs)
		require.EqualError(t, err, `add_service at [5:21]: pulling image "registry.test/private:2": unauthorized: incorrect username or password`)
		for _, e := range seen.all {
			text, err := json.Marshal(e)
			require.NoError(t, err)
			hidden(t, e.Type(), string(text))
		}
		hiddenFiles(t, b.enclaves.State, func(where, text string) { t.Helper(); hidden(t, where, text) })
	})
}

func hiddenInPlan(t *testing.T, p *plan.Plan) {
	t.Helper()
	require.Equal(t, []string{password}, p.Passwords(), "what is hidden is the password")
	shown := 0
	for _, v := range []plan.Verbosity{plan.Describe, plan.Brief, plan.Detailed, plan.Executable, plan.OutputOnly} {
		text, err := p.Text(v)
		require.NoError(t, err)
		hidden(t, string(v), text)
		shown += strings.Count(text, plan.Mask)
	}
	require.Greater(t, shown, 5, "the plan names the attribute, with a mask")
	yaml, err := p.YAML()
	require.NoError(t, err)
	hidden(t, "YAML", string(yaml))
	hidden(t, "Mermaid", p.Mermaid(true))
	hidden(t, "dot", p.Dot(true))
	hidden(t, "result", p.ResultText())
	for _, s := range p.Steps {
		hidden(t, "call", s.Call())
		stored, err := plan.MarshalValue(&plan.List{Items: []plan.Value{s.Args[len(s.Args)-1].Value}})
		require.NoError(t, err)
		hidden(t, "stored value", string(stored))
	}
}

// hiddenFiles looks at all that is kept of enclaves.
func hiddenFiles(t *testing.T, dir string, hidden func(where, text string)) {
	t.Helper()
	read := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		hidden(path, string(text))
		read += len(text)
		return err
	}))
	require.Greater(t, read, 1000, "there is a state to look at")
}
