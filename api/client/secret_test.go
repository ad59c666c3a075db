package client_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

const keepsSecrets = `
def run(plan, secrets, image="toolbox"):
    plan.add_service(name="db", config=ServiceConfig(image=image, cmd=["sleep"], env_vars={"PASSWORD": secrets["db"], "URL": "pg://u:%s@db" % secrets["db"], "PLAIN": "plain"}))
    plan.print(secrets["db"])
    return secrets["db"]
`

// TestSecrets: nothing that an API container answers has the secrets of its enclave, whichever API is asked and whoever
// made them known; only its own API takes references to them.
func TestSecrets(t *testing.T) {
	const value = `hunter"22`
	b := newBench(t)
	unseen := func(where string, v any) {
		t.Helper()
		text, ok := v.(string)
		if !ok {
			out, err := json.Marshal(v)
			require.NoError(t, err, where)
			text = string(out)
		}
		require.NotContains(t, text, "hunter", where)
	}
	var seen []event.Event
	var planned *plan.Plan
	args := &plan.Dict{Items: []plan.Item{{Key: plan.String("secrets"), Value: &plan.Dict{Items: []plan.Item{{Key: plan.String("db"), Value: plan.String(value)}}}}}}
	o := client.RunOptions{
		Script: &client.Script{Identity: "it", Text: keepsSecrets}, Args: args, Secrets: []client.Secret{{Path: "secrets.db"}}, ArgsText: "secrets",
		Sink: event.Func(func(e event.Event) { seen = append(seen, e) }), Planned: func(p *plan.Plan) { planned = p },
	}
	result, err := b.client.Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, `"***"`, result.Output)
	for _, e := range seen {
		unseen(e.Type(), e)
	}
	detailed, err := planned.Text(plan.Detailed)
	require.NoError(t, err)
	unseen("the plan", detailed)
	require.Contains(t, detailed, `"URL": "pg://u:***@db"`)

	// Another process, another client: the enclave remembers.
	b.serve(t.Context())
	held, err := b.client.Inspect(t.Context())
	require.NoError(t, err)
	unseen("the inspection", held)
	db := held.Services[0]
	require.Contains(t, string(db.Config), `"pg://u:***@db"`)
	require.NotContains(t, string(db.Config), "{{secret:")
	require.Contains(t, string(db.KeptConfig), "{{secret:")
	require.NotContains(t, string(db.KeptConfig), "hunter")
	started, err := b.client.StartService(t.Context(), "db")
	require.NoError(t, err)
	require.Equal(t, db.Config, started.Config)
	services, err := b.server.GetServices(t.Context(), connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"PASSWORD": "***", "URL": "pg://u:***@db", "PLAIN": "plain"}, services.Msg.ServiceInfo["db"].Container.EnvVars)
	record, err := b.server.GetStarlarkRun(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	unseen("the record", record.Msg.String())
	require.JSONEq(t, `{"secrets": {"db": "***"}}`, record.Msg.SerializedParams)
	require.JSONEq(t, `{"secrets": {"db": "***"}}`, record.Msg.GetInitialSerializedParams())
	params := `{"secrets": {"db": "hunter\"22"}}`
	yaml, err := b.server.GetStarlarkScriptPlanYaml(t.Context(), connect.NewRequest(&pb.StarlarkScriptPlanYamlArgs{SerializedScript: keepsSecrets, SerializedParams: &params}))
	require.NoError(t, err)
	unseen("the plan of the reference's API", yaml.Msg.PlanYaml)

	// Nothing changed, so nothing runs; nor is the plan of a comparison any different.
	again, err := b.client.Run(t.Context(), o)
	require.NoError(t, err)
	require.Zero(t, again.Executed)
	compared, err := b.client.Compare(t.Context(), o)
	require.NoError(t, err)
	unseen("the comparison", compared.Plan)

	// A text with references becomes what it was, where the run asks for it, and only then.
	changed := o
	changed.Script = &client.Script{Identity: "other", Text: "def run(plan, kept, plain):\n    plan.add_service(name=\"copy\", config=ServiceConfig(image=\"toolbox\", cmd=[\"sleep\"], env_vars={\"A\": kept[\"x\"], \"B\": plain}))\n"}
	var config plan.ServiceConfig
	require.NoError(t, json.Unmarshal(db.KeptConfig, &config))
	reference := config.EnvVars[1].Value
	require.Contains(t, reference, "pg://u:{{secret:")
	changed.Args = &plan.Dict{Items: []plan.Item{{Key: plan.String("kept"), Value: &plan.Dict{}}, {Key: plan.String("plain"), Value: plan.String(reference)}}}
	changed.Secrets = []client.Secret{{Path: "kept.x", Kept: reference}}
	_, err = b.client.Run(t.Context(), changed)
	require.NoError(t, err)
	services, err = b.server.GetServices(t.Context(), connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"A": "pg://u:***@db", "B": reference}, services.Msg.ServiceInfo["copy"].Container.EnvVars)

	// A failure, on this side too.
	failing := o
	failing.Script = &client.Script{Text: "def run(plan, secrets):\n    plan.verify(value=secrets[\"db\"], assertion=\"==\", target_value=\"x\")\n"}
	_, err = b.client.Run(t.Context(), failing)
	require.EqualError(t, err, `verify at [2:16]: verification failed: "***" == "x" does not hold`)
	failing.Script = &client.Script{Text: "def run(plan, secrets):\n    fail(\"no \" + secrets[\"db\"])\n"}
	_, err = b.client.Run(t.Context(), failing)
	require.ErrorContains(t, err, "Evaluation error: fail: no ***")
	unseen("the explanation", runtime.Explain(err))
	failing.Secrets = []client.Secret{{Path: "secret.db"}}
	_, err = b.client.Run(t.Context(), failing)
	require.EqualError(t, err, "the secret 'secret.db' names no argument")

	// A run that is refused keeps nothing of them, and its record does not tell.
	refused := o
	refused.Script = &client.Script{Text: "def run(plan, secrets):\n    plan.no_such_thing()\n"}
	refused.Args = &plan.Dict{Items: []plan.Item{{Key: plan.String("secrets"), Value: plan.String("hunter of another kind")}}}
	refused.Secrets = []client.Secret{{Path: "secrets"}}
	_, err = b.client.Run(t.Context(), refused)
	require.ErrorContains(t, err, "no_such_thing")
	record, err = b.server.GetStarlarkRun(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.JSONEq(t, `{"secrets": "***"}`, record.Msg.SerializedParams)

	// One file has them.
	var files []string
	require.NoError(t, filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "hunter") {
			files = append(files, filepath.Base(path))
			info, err := d.Info()
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
		}
		return err
	}))
	require.Equal(t, []string{"secrets.json"}, files)
}
