package runtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// token is what an argument holds that is marked as secret, and key one of several lines.
const (
	token = `t0ken "in" <quotés>`
	key   = "-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END KEY-----\n"
)

// marked uses secrets wherever a script can put a text.
const marked = `
def run(plan, token, mev, other="plain"):
    config = ServiceConfig(image="keeps", cmd=["--token", token], entrypoint=["x", mev["key"]], labels={"pass": "is-" + mev["pass"]},
        env_vars={"TOKEN": token, "DSN": "postgres://user:%s@db/x" % token, "JSON": json.encode({"inner": {"token": token}}), "KEY": mev["key"], "OTHER": other})
    plan.add_service(name="db", config=config, description="adding with " + token)
    plan.add_services(configs={"a": config})
    plan.set_service(name="a", config=ServiceConfig(image="keeps", labels={"set": mev["pass"]}))
    said = plan.exec(service_name="db", recipe=ExecRecipe(command=["echo", "it is " + token]))
    plan.exec(service_name="db", recipe=ExecRecipe(command=["echo", mev["key"]]))
    plan.verify(value=said["output"], assertion="==", target_value="it is " + token)
    plan.run_sh(run="echo " + token, image="sleeps", env_vars={"T": token})
    plan.render_templates(name="conf", config={"/a": struct(template="{{ .t }}", data={"t": token})})
    plan.print([token, struct(t=token, k=mev["key"]), "%r" % token, json.encode(token)])
    plan.print(config)
    plan.print(mev["key"])
    return struct(said=said["output"], token=token, list=[mev["key"]], json=json.encode({"t": token}))
`

func markedArgs(token string) *plan.Dict {
	return &plan.Dict{Items: []plan.Item{
		{Key: plan.String("token"), Value: plan.String(token)},
		{Key: plan.String("mev"), Value: &plan.Dict{Items: []plan.Item{{Key: plan.String("key"), Value: plan.String(key)}, {Key: plan.String("pass"), Value: plan.String("t0kenpass")}}}},
	}}
}

// unseen says that no form of the secrets is in what people or files get.
func unseen(t *testing.T, where, text string) {
	t.Helper()
	for _, piece := range []string{"t0ken", "quotés", `quot\u00e9s`, "MIGHAgEA", "AgEGCCqG"} {
		require.NotContains(t, text, piece, where)
	}
}

func unseenInPlan(t *testing.T, p *plan.Plan) {
	t.Helper()
	for _, v := range []plan.Verbosity{plan.Describe, plan.Brief, plan.Detailed, plan.Executable, plan.OutputOnly} {
		text, err := p.Text(v)
		require.NoError(t, err)
		unseen(t, string(v), text)
		if v == plan.Detailed {
			require.Contains(t, text, `"postgres://user:***@db/x"`)
		}
	}
	yaml, err := p.YAML()
	require.NoError(t, err)
	unseen(t, "YAML", string(yaml))
	require.Contains(t, string(yaml), "postgres://user:***@db/x")
	unseen(t, "Mermaid", p.Mermaid(true))
	unseen(t, "dot", p.Dot(true))
	unseen(t, "result", p.ResultText())
	text, err := json.Marshal(p)
	require.NoError(t, err)
	unseen(t, "JSON", string(text))
	for _, s := range p.Steps {
		unseen(t, "call", s.Call())
		for _, a := range s.Arguments() {
			unseen(t, "argument", a.Value)
		}
	}
}

func unseenEvents(t *testing.T, seen []event.Event) {
	t.Helper()
	var log bytes.Buffer
	sink := event.NewJSONLines(&log, time.Now)
	for _, e := range seen {
		sink.Emit(e)
		text, err := json.Marshal(e)
		require.NoError(t, err)
		unseen(t, e.Type(), string(text))
	}
	unseen(t, "JSON lines", log.String())
}

// unseenFiles looks at all that is kept of enclaves but the file that is for secrets, and what the script put into a
// files artifact.
func unseenFiles(t *testing.T, dir string) {
	t.Helper()
	held := 0
	hiddenFiles(t, dir, func(where, text string) {
		t.Helper()
		if filepath.Base(where) == "secrets.json" {
			held++
			require.Contains(t, text, "t0ken")
			return
		}
		if strings.Contains(where, "artifacts") {
			return
		}
		unseen(t, where, text)
	})
	require.Equal(t, 1, held)
}

func withSecrets(token string) func(*runtime.RunOptions) {
	return func(o *runtime.RunOptions) {
		o.Args, o.Secrets, o.ArgsText = markedArgs(token), []string{"token", "mev.key", "mev.pass"}, "token "+token
	}
}

// TestSecretArguments: the text of an argument that is marked reaches services, and nothing that anybody is shown.
func TestSecretArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		type process struct {
			args []string
			env  map[string]string
		}
		got := make(chan process, 10)
		engine.AddImage("keeps", fake.Image{Program: func(ctx context.Context, p *fake.Process) int {
			got <- process{p.Args, p.Env}
			return sleeps(ctx, p)
		}})
		result, seen, err := b.run(t.Context(), marked, nil, withSecrets(token))
		require.NoError(t, err, "%s", strings.Join(seen.results(), "\n"))
		unseenInPlan(t, result.Plan)
		unseenEvents(t, seen.all)
		unseen(t, "output", result.Output)
		require.JSONEq(t, `{"said": "it is ***", "token": "***", "list": ["***"], "json": "{\"t\":\"***\"}"}`, result.Output)
		require.Contains(t, strings.Join(seen.results(), "\n"), "it is ***")
		unseenFiles(t, b.enclaves.State)

		// Services have it.
		db := <-got
		require.Equal(t, token, db.env["TOKEN"])
		require.Equal(t, "postgres://user:"+token+"@db/x", db.env["DSN"])
		require.Equal(t, []string{"x", key, "--token", token}, db.args)
		service, err := engine.InspectService(t.Context(), result.Enclave.UUID, "db")
		require.NoError(t, err)
		require.Equal(t, "is-hidden", service.Labels["pass"])
		store, err := b.enclaves.Store(result.Enclave.UUID)
		require.NoError(t, err)
		config := string(store.Enclave().Services["db"].Config)
		require.Contains(t, config, "t0ken", "what it was made from is known, for a later update")
		require.Equal(t, "is "+plan.Mask, store.Secrets().Hide("is "+token))

		// Unchanged, nothing runs again, in a process that knows the secrets from the state alone.
		again, seen, err := b.run(t.Context(), marked, nil, withSecrets(token))
		require.NoError(t, err)
		require.Zero(t, again.Executed)
		require.Equal(t, result.Output, again.Output)
		unseenEvents(t, seen.all)

		// Not marked any more, it is remembered as one.
		unmarked, seen, err := b.run(t.Context(), marked, nil, func(o *runtime.RunOptions) { o.Args = markedArgs(token) })
		require.NoError(t, err)
		require.Zero(t, unmarked.Executed)
		unseenInPlan(t, unmarked.Plan)
		unseenEvents(t, seen.all)

		// Another value changes the steps that use it, and neither is told.
		const rotated = `t0ken, rotated`
		o, _ := b.options(t.Context(), marked, nil, withSecrets(rotated))
		compared, err := runtime.Compare(t.Context(), engine, o)
		require.NoError(t, err)
		unseenInPlan(t, compared.Plan)
		causes := map[string]string{}
		for _, s := range compared.Plan.Steps {
			d := compared.Delta.Of(s)
			causes[s.ID] = d.Cause
			unseen(t, "cause", d.Cause)
			if d.Skip {
				require.Equal(t, `print(msg="***")`, s.Call(), "it uses the other secret alone")
			}
		}
		require.Equal(t, "config.cmd, config.env_vars changed", causes["1"])
		changed, seen, err := b.run(t.Context(), marked, nil, withSecrets(rotated))
		require.NoError(t, err)
		require.NotZero(t, changed.Executed)
		require.Equal(t, 1, changed.Skipped)
		unseenInPlan(t, changed.Plan)
		unseenEvents(t, seen.all)
		unseenFiles(t, b.enclaves.State)
	})
}

// TestSecretsInFailures: what says why a run failed does not say them either.
func TestSecretsInFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		engine.AddImage("talks", fake.Image{Program: fake.Exit(3, "my token is "+token, "AgEGCCqGSM49AwEHBG0w")})
		for script, want := range map[string]string{
			`fail("bad token: " + token)`: "Evaluation error: fail: bad token: ***\n\tat [3:9]: run\n\tat [0:0]: fail",
			`plan.add_service(name="bad name " + token, config=ServiceConfig(image="sleeps"))`:                                  "",
			`plan.verify(value=token, assertion="==", target_value="x")`:                                                        `verify at [3:16]: verification failed: "***" == "x" does not hold`,
			`plan.get_service(name=token)`:                                                                                      "",
			`plan.add_service(name="x", config=ServiceConfig(image="talks", ports={"p": PortSpec(number=80)}))`:                 `add_service at [3:21]: service "x" ended with exit code 3 while waiting for its port "p" (80/tcp)`,
			`plan.exec(service_name="db", recipe=ExecRecipe(command=["sh", "-c", "exit 3"]), description="with " + token)`:      "",
			`plan.upload_files(src=token)`:                                                                                      "",
			`plan.print("{{kurtosis:0123456789abcdef0123456789abcdef:x.runtime_value}}" + token)`:                               "",
			`plan.add_service(name="db", config=ServiceConfig(image=token))`:                                                    "",
			`plan.add_service(name="db", config=ServiceConfig(image="nowhere", env_vars={"A": token}))`:                         "",
			`plan.run_sh(run="exit 3", image="sleeps", name=token)`:                                                             "",
			`plan.add_service(name="db", config=ServiceConfig(image="sleeps", ports={token: PortSpec(number=80, wait=token)}))`: "",
		} {
			text := "\ndef run(plan, token, mev):\n    " + script + "\n"
			result, seen, err := b.run(t.Context(), text, nil, withSecrets(token))
			if err == nil {
				t.Errorf("%s: no error", script)
				continue
			}
			unseen(t, script, err.Error())
			if want != "" {
				require.EqualError(t, err, want)
			}
			explained, jsonErr := json.Marshal(runtime.Explain(err))
			require.NoError(t, jsonErr)
			unseen(t, script, string(explained))
			for _, p := range result.Problems {
				unseen(t, script, p.Message+p.Hint)
			}
			unseenEvents(t, seen.all)
			if _, statErr := os.Stat(filepath.Join(b.enclaves.State, result.Enclave.UUID, "secrets.json")); statErr == nil && result.Enclave.UUID != "" {
				unseenFiles(t, b.enclaves.State)
			}
			// A preview tells as little.
			o, _ := b.options(t.Context(), text, nil, withSecrets(token))
			preview, err := runtime.Plan(t.Context(), o.Options)
			if err != nil {
				unseen(t, script, err.Error())
			}
			if preview.Plan != nil {
				shown, jsonErr := json.Marshal(preview.Plan)
				require.NoError(t, jsonErr)
				unseen(t, script, string(shown))
			}
		}
	})
}

// TestSecretsThatAreNone: what can't be a secret is refused before anything is made.
func TestSecretsThatAreNone(t *testing.T) {
	args, err := plan.DecodeJSON([]byte(`{"mev": {"signing_key": "abcdefgh", "list": [{"k.ey": "abcdefgh"}], "on": true}, "pin": 12345, "short": "abc", "empty": "", "blank": "     ", "none": null}`))
	require.NoError(t, err)
	for path, want := range map[string][2]string{
		"mev.signing_kye": {"the secret 'mev.signing_kye' names no argument", "did you mean 'mev.signing_key'?"},
		"mve":             {"the secret 'mve' names no argument", "arguments come with the package: ARGS, --args-file or --secret mve=env:NAME"},
		"mev.list.1.k.ey": {"the secret 'mev.list.1.k.ey' names no argument", "did you mean 'mev.list.0.k.ey'?"},
		"mev":             {"the secret 'mev' is a dict, and only a string can be hidden", "name a string in it: 'mev.signing_key'"},
		"mev.on":          {"the secret 'mev.on' is a bool, and only a string can be hidden", "write it in quotes"},
		"pin":             {"the secret 'pin' is a int, and only a string can be hidden", "write it in quotes"},
		"none":            {"the secret 'none' is a NoneType, and only a string can be hidden", ""},
		"short":           {"the secret 'short' is too short to be hidden: a secret has at least 4 characters", "hiding it would blot out parts of texts that have nothing to do with it"},
		"blank":           {"the secret 'blank' is too short to be hidden: a secret has at least 4 characters", "hiding it would blot out parts of texts that have nothing to do with it"},
		"empty":           {"the secret 'empty' is empty", ""},
	} {
		_, err := plan.MarkSecrets(args, []string{path})
		var e *plan.SecretError
		require.ErrorAs(t, err, &e, path)
		require.Equal(t, want, [2]string{e.Error(), e.Hint()})
	}
	secrets, err := plan.MarkSecrets(args, []string{"mev.signing_key", "mev.list.0.k.ey"})
	require.NoError(t, err)
	require.Equal(t, []string{"abcdefgh"}, secrets.Texts())

	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		_, seen, err := b.run(t.Context(), marked, nil, func(o *runtime.RunOptions) { o.Args, o.Secrets = markedArgs(token), []string{"tokn"} })
		require.EqualError(t, err, "the secret 'tokn' names no argument")
		require.Len(t, seen.all, 1)
		list, err := engine.ListEnclaves(t.Context())
		require.NoError(t, err)
		require.Empty(t, list)
	})
}
