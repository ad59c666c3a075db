package state

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, clock)
	require.NoError(t, err)
	return s
}

func step(id, name string, done bool) Step {
	return Step{Record: plan.Record{ID: id, Name: name, Done: done}}
}

func filled(t *testing.T, dir string) *Store {
	t.Helper()
	s := open(t, dir)
	require.NoError(t, s.Apply(Change{Enclave: &Identity{UUID: "u", Name: "n", Created: clock()}}))
	require.NoError(t, s.Apply(Change{
		Steps:     []Step{step("1", "print", true), step("2", "exec", false)},
		Services:  []Service{{Name: "db", UUID: "a"}, {Name: "web", UUID: "b"}},
		Artifacts: []Artifact{{Name: "conf", Digest: "d"}},
		Run:       &Run{ID: "r", Status: RunRunning},
	}))
	return s
}

// folded has everything in the snapshot.
func folded(t *testing.T, dir string) {
	t.Helper()
	s := filled(t, dir)
	require.NoError(t, s.compact())
	require.NoError(t, s.Close())
}

func TestChangesSurviveTheProcess(t *testing.T) {
	for _, closed := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "e")
		s := filled(t, dir)
		finished := step("2", "exec", true)
		finished.Futures = []Future{{ID: "f", Values: map[string]json.RawMessage{"code": json.RawMessage("0")}}}
		require.NoError(t, s.Apply(Change{
			Steps:         []Step{finished},
			DropServices:  []string{"web"},
			DropArtifacts: []string{"conf"},
			Run:           &Run{ID: "r", Status: RunSucceeded, Output: "<x>"},
		}))
		want := s.Enclave()
		if closed {
			require.NoError(t, s.Close())
		}
		got := open(t, dir).Enclave()
		require.Equal(t, want, got)
		require.Equal(t, []string{"1", "2"}, []string{got.Steps[0].ID, got.Steps[1].ID})
		require.True(t, got.Steps[1].Done)
		require.Len(t, got.Services, 1)
		require.Empty(t, got.Artifacts)
		require.Equal(t, RunSucceeded, got.LastRun().Status)
	}
}

func TestACallerCannotChangeWhatIsRemembered(t *testing.T) {
	s := filled(t, t.TempDir())
	e := s.Enclave()
	e.Steps[0].Name = "changed"
	delete(e.Services, "db")
	require.Equal(t, "print", s.Enclave().Steps[0].Name)
	require.Contains(t, s.Enclave().Services, "db")
}

func TestStepsOfOnePackageAreReplaced(t *testing.T) {
	s := filled(t, t.TempDir())
	other := step("1", "wait", true)
	other.Package = "github.com/o/r"
	require.NoError(t, s.Apply(Change{Steps: []Step{other}}))
	require.Len(t, s.Enclave().Steps, 3)
	require.NoError(t, s.Apply(Change{ReplaceSteps: new(string), Steps: []Step{step("9", "exec", true)}}))
	records := s.Enclave().Records()
	require.Equal(t, []string{"1", "9"}, []string{records[0].ID, records[1].ID})
	require.Equal(t, "wait", records[0].Name)
}

func TestHistoryIsBounded(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range keptRuns + 5 {
		require.NoError(t, s.Apply(Change{Run: &Run{ID: strconv.Itoa(i)}}))
	}
	runs := s.Enclave().Runs
	require.Len(t, runs, keptRuns)
	require.Equal(t, "5", runs[0].ID)
}

// A process may be killed after any byte that it writes: what is read afterwards is the state after some whole
// number of changes, never less than those that were acknowledged before.
func TestAJournalCutAnywhereIsAPrefix(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 4 {
		require.NoError(t, s.Apply(Change{Steps: []Step{step(strconv.Itoa(i), "print", true)}}))
	}
	journal, err := os.ReadFile(filepath.Join(dir, journalFile))
	require.NoError(t, err)
	for cut := range len(journal) + 1 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, journalFile), journal[:cut], 0o600))
		got := open(t, dir).Enclave()
		require.Len(t, got.Steps, strings.Count(string(journal[:cut]), "\n"), "cut after %d bytes", cut)
	}
}

func TestAJournalOlderThanTheSnapshotIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir)
	journal, err := os.ReadFile(filepath.Join(dir, journalFile))
	require.NoError(t, err)
	require.NoError(t, s.Apply(Change{DropServices: []string{"db"}}))
	require.NoError(t, s.compact())
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, journalFile), journal, 0o600)) // killed before it was emptied
	require.NotContains(t, open(t, dir).Enclave().Services, "db")
}

func TestDamage(t *testing.T) {
	damage := func(file, from, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, file)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, string(data), from)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(data), from, to, 1)), 0o600))
		}
	}
	tests := []struct {
		name   string
		damage func(*testing.T, string)
		file   string
		why    string
	}{
		{"snapshot cut", damage(snapshotFile, `"enclave":`, `"enclave`), snapshotFile, "invalid character"},
		{"snapshot altered", damage(snapshotFile, `"name":"db"`, `"name":"da"`), snapshotFile, "checksum is "},
		{"journal altered", damage(journalFile, `"name":"late"`, `"name":"lata"`), journalFile, "line 1: checksum is "},
		{"journal not JSON", damage(journalFile, `{`, `(`), journalFile, "line 1: invalid character"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			folded(t, dir)
			s := open(t, dir)
			require.NoError(t, s.Apply(Change{Services: []Service{{Name: "late"}}}))
			test.damage(t, dir)

			s, err := Open(dir, clock)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			path := filepath.Join(dir, test.file)
			require.ErrorContains(t, err, "the enclave's state in "+path+" cannot be read: "+test.why)
			require.ErrorContains(t, err, "; it was kept as "+path+".corrupt-20260102T030405.000")
			require.Equal(t, "the enclave's services still run; the next run treats every step as new and updates them in place", corrupt.Hint())
			require.FileExists(t, corrupt.Kept)
			require.Contains(t, s.SetAside(), corrupt.Kept)
			require.Empty(t, s.Enclave().Services)

			require.NoError(t, s.Apply(Change{Services: []Service{{Name: "again"}}}))
			require.Contains(t, open(t, dir).Enclave().Services, "again")
		})
	}
}

// A journal is written on by the next process, and folded into the snapshot when it has become long.
func TestAJournalIsFoldedWhenItIsLong(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, journalFile)
	size := func() int64 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Size()
	}
	require.NoError(t, filled(t, dir).Close())
	short := size()
	require.Positive(t, short)
	snapshot, err := os.ReadFile(filepath.Join(dir, snapshotFile))
	require.NoError(t, err)

	s := open(t, dir)
	require.NoError(t, s.Note(Change{Run: &Run{ID: "noted", Status: RunRunning}}))
	require.Equal(t, "noted", open(t, dir).Enclave().LastRun().ID, "a process that is killed leaves it")
	require.NoError(t, s.Close())
	require.Greater(t, size(), short)
	after, err := os.ReadFile(filepath.Join(dir, snapshotFile))
	require.NoError(t, err)
	require.Equal(t, snapshot, after)

	// Half of a line is in the way of the next one, and goes.
	journal, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = journal.WriteString(`{"seq":`)
	require.NoError(t, errors.Join(err, journal.Close()))
	s = open(t, dir)
	require.NoError(t, s.Apply(Change{Services: []Service{{Name: "late"}}}))
	require.NoError(t, s.Close())
	want := s.Enclave()
	require.Contains(t, want.Services, "late")
	require.Equal(t, want, open(t, dir).Enclave())

	s = open(t, dir)
	require.NoError(t, s.Apply(Change{Run: &Run{ID: "long", Output: strings.Repeat("x", foldBytes)}}))
	want = s.Enclave()
	require.NoError(t, s.Close())
	require.Zero(t, size())
	require.Equal(t, want, open(t, dir).Enclave())
}

func TestANewerFormatIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, snapshotFile)
	require.NoError(t, os.WriteFile(path, []byte(`{"format":2,"enclave":{"other":1}}`), 0o600))
	_, err := Open(dir, clock)
	require.EqualError(t, err, "the enclave's state in "+path+" has format 2, this version reads up to 1")
	require.FileExists(t, path)
}

func TestLockIsForOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		never := func(Holder) error { t.Error("nobody has the lock"); return nil }
		first, second := open(t, dir), open(t, dir)
		unlock, err := first.Lock(ctx, "run a", never)
		require.NoError(t, err)
		holder, held := second.Held()
		require.True(t, held)
		require.Equal(t, Holder{os.Getpid(), "run a", clock()}, holder)
		require.Equal(t, "run a since 2026-01-02T03:04:05Z (process "+strconv.Itoa(os.Getpid())+")", holder.String())
		require.Equal(t, "run a since 2026-01-02T03:04:05Z", Holder{1, "run a", clock()}.String(), "in a container the number says nothing")
		require.Equal(t, "another process", Holder{}.String())

		refused := errors.New("busy")
		_, err = second.Lock(ctx, "run b", func(Holder) error { return refused })
		require.ErrorIs(t, err, refused)

		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = second.Lock(short, "run b", func(h Holder) error { require.Equal(t, "run a", h.Purpose); return nil })
		require.ErrorIs(t, err, context.DeadlineExceeded)

		got := make(chan []string)
		go func() {
			release, err := second.Lock(ctx, "run b", func(Holder) error { return nil })
			require.NoError(t, err)
			var names []string
			for name := range second.Enclave().Services {
				names = append(names, name)
			}
			require.NoError(t, release())
			got <- names
		}()
		synctest.Wait()
		require.NoError(t, first.Apply(Change{Services: []Service{{Name: "made-by-a"}}}))
		require.NoError(t, unlock())
		require.Equal(t, []string{"made-by-a"}, <-got, "the second sees what the first did")
		_, held = first.Held()
		require.False(t, held)
	})
}

func TestAFailedWriteLeavesTheJournalReadable(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir)
	before := s.Enclave()
	require.NoError(t, s.journal.Close())
	err := s.Apply(Change{DropServices: []string{"db"}})
	require.ErrorContains(t, err, "saving the enclave's state: ")
	require.Equal(t, before, s.Enclave(), "what is not on disk did not happen")
	require.Equal(t, before, open(t, dir).Enclave())
}

func TestRemove(t *testing.T) {
	root := t.TempDir()
	s := filled(t, filepath.Join(root, "abc"))
	dirs, err := List(root)
	require.NoError(t, err)
	require.Equal(t, []string{"abc"}, dirs)
	require.NoError(t, s.Remove())
	dirs, err = List(root)
	require.NoError(t, err)
	require.Empty(t, dirs)
	dirs, err = List(filepath.Join(root, "missing"))
	require.NoError(t, err)
	require.Empty(t, dirs)
}
