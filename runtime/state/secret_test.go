package state

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// filesWith names the files of a directory that hold a text.
func filesWith(t *testing.T, dir, text string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		if strings.Contains(string(data), text) {
			names = append(names, f.Name())
		}
	}
	return names
}

// TestSecretsAreInOneFile: whatever a state holds, its files have references in the place of secrets, and reading them
// gives what was written, also where a secret is a word of the files themselves.
func TestSecretsAreInOneFile(t *testing.T) {
	for _, value := range []string{"hunter22", `a "quoted" <b> & pässwörd`, "first line\nand a second line", "name", "true", "2026", "003c", `\u003c`, "{{secret:", "}}{{"} {
		dir := filepath.Join(t.TempDir(), "e")
		s := filled(t, dir)
		require.NoError(t, s.KeepSecrets(plan.NewSecrets(value)))
		literal := s.Refer(value) // as somebody may write who has seen one
		require.NotEqual(t, value, literal)
		text, err := json.Marshal(value + "<" + value + literal)
		require.NoError(t, err)
		change := Change{
			Steps:    []Step{{Record: plan.Record{ID: "3", Name: "exec", Done: true}, Result: "it said " + value, Futures: []Future{{ID: "f", Values: map[string]json.RawMessage{"output": text}}}}},
			Services: []Service{{Name: "db", UUID: "a", Config: json.RawMessage(`{"EnvVars":[{"Key":"K","Value":` + string(text) + `}]}`)}},
		}
		require.NoError(t, s.Apply(change))
		for _, closed := range []bool{false, true} {
			again := open(t, dir)
			require.Equal(t, s.Enclave(), again.Enclave(), "%q, closed: %v", value, closed)
			require.Equal(t, value, again.Resolve(again.Refer(value)))
			require.Equal(t, literal, again.Resolve(again.Refer(literal)))
			require.Equal(t, plan.Mask, again.Secrets().Hide(value))
			if value == "hunter22" {
				require.NotContains(t, again.Refer("x hunter22 y"), "hunter22")
				require.Equal(t, []string{secretsFile}, filesWith(t, dir, value))
			}
			require.NoError(t, s.Close())
		}
		info, err := os.Stat(filepath.Join(dir, secretsFile))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
}

// TestSecretsThatCameLater: what was written before a text became a secret goes with the next snapshot, and whoever has
// the state open meanwhile reads on.
func TestSecretsThatCameLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "e")
	s := filled(t, dir)
	require.NoError(t, s.Apply(Change{Services: []Service{{Name: "db", UUID: "a", Image: "hunter22"}}}))
	require.NoError(t, s.KeepSecrets(plan.NewSecrets("swordfish")))
	reader := open(t, dir)
	require.NoError(t, s.KeepSecrets(plan.NewSecrets("hunter22")))
	require.NoError(t, s.KeepSecrets(plan.NewSecrets("hunter22", "swordfish")), "they are known")
	require.NoError(t, s.Apply(Change{Services: []Service{{Name: "web", UUID: "b", Image: "hunter22"}}}))
	require.NoError(t, reader.load(), "it knows a part of the secrets when it reads what refers to all")
	require.Equal(t, s.Enclave(), reader.Enclave())
	require.NoError(t, s.Close())
	require.Equal(t, []string{secretsFile}, filesWith(t, dir, "hunter22"))
	require.Equal(t, "hunter22", open(t, dir).Enclave().Services["db"].Image)
}

// TestSecretsThatCameLaterInAProcessThatWasKilled: the next one seals what it could not.
func TestSecretsThatCameLaterInAProcessThatWasKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "e")
	s := filled(t, dir)
	require.NoError(t, s.Apply(Change{Services: []Service{{Name: "db", UUID: "a", Image: "hunter22"}}}))
	require.NoError(t, s.KeepSecrets(plan.NewSecrets("hunter22")))
	require.Contains(t, filesWith(t, dir, "hunter22"), journalFile)
	s = open(t, dir)
	require.NoError(t, s.Apply(Change{DropServices: []string{"web"}}))
	require.NoError(t, s.Close())
	require.Equal(t, []string{secretsFile}, filesWith(t, dir, "hunter22"))
	require.Equal(t, "hunter22", open(t, dir).Enclave().Services["db"].Image)
}

// TestSecretsThatCannotBeRead: without them the state is not what it was.
func TestSecretsThatCannotBeRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "e")
	s := filled(t, dir)
	require.NoError(t, s.KeepSecrets(plan.NewSecrets("hunter22")))
	require.NoError(t, s.Close())
	path := filepath.Join(dir, secretsFile)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err := Open(dir, clock)
	require.EqualError(t, err, "the enclave's state in "+path+" cannot be read: unexpected end of JSON input; it was kept as "+path+".corrupt-20260102T030405.000")
	require.Len(t, open(t, dir).SetAside(), 3)
	require.NoError(t, os.WriteFile(path, []byte(`{"format":2}`), 0o600))
	_, err = Open(dir, clock)
	require.EqualError(t, err, "the enclave's state in "+path+" has format 2, this version reads up to 1")
}
