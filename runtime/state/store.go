package state

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Format is the version of the files that this package writes. A file of a newer one is refused and left alone.
const Format = 1

const (
	snapshotFile = "state.json"
	journalFile  = "journal.jsonl"
	lockFile     = "lock"
	artifactsDir = "artifacts"
)

// Store is the state of one enclave on disk. Its methods may be called from several goroutines; only the holder of
// the enclave's lock may call Apply.
type Store struct {
	dir string
	now func() time.Time

	mu      sync.Mutex
	enclave *Enclave
	secrets secrets
	seq     int64    // of the last change
	end     int64    // of the journal that was read or written, in bytes
	shows   bool     // the files may have what became a secret later, or a process was killed before it sealed it
	journal *os.File // open for appending, nil before the first Apply
}

// CorruptError says that the state could not be read. The unreadable files were renamed to Kept, so that opening
// the enclave again starts from nothing remembered.
type CorruptError struct {
	Path string // the file that could not be read
	Kept string // where it is now
	Err  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the enclave's state in %s cannot be read: %s; it was kept as %s", e.Path, e.Err, e.Kept)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// Hint says what follows from it.
func (e *CorruptError) Hint() string {
	return "the enclave's services still run; the next run treats every step as new and updates them in place"
}

// NewerError says that a later version of this program wrote the state.
type NewerError struct {
	Path   string
	Format int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the enclave's state in %s has format %d, this version reads up to %d", e.Path, e.Format, Format)
}

// Hint says what to do.
func (e *NewerError) Hint() string {
	return "use the version of kurtosis that made the enclave, or a later one"
}

// Open reads the state kept in dir, which need not exist: nothing is created before the first Apply. A state that
// cannot be read is set aside and reported as *CorruptError; the store that comes with it is empty and usable.
func Open(dir string, now func() time.Time) (*Store, error) {
	s := Unread(dir, now)
	err := s.load()
	var corrupt *CorruptError
	if err == nil || errors.As(err, &corrupt) {
		return s, err
	}
	return nil, err
}

// Unread is a store of which nothing is known before its lock is taken: Lock reads it, with the errors that Open has.
func Unread(dir string, now func() time.Time) *Store {
	return &Store{dir: dir, now: now, enclave: &Enclave{}}
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }

// Enclave is a copy of what is remembered now.
func (s *Store) Enclave() *Enclave {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enclave.clone()
}

// snapshot is the content of state.json. Sum is of the bytes of Enclave.
type snapshot struct {
	Format  int             `json:"format"`
	Seq     int64           `json:"seq"`
	Sum     string          `json:"sha256"`
	Enclave json.RawMessage `json:"enclave"`
}

// entry is one line of the journal. Sum is of the bytes of Change.
type entry struct {
	Seq    int64           `json:"seq"`
	Sum    string          `json:"sha256"`
	Change json.RawMessage `json:"change"`
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:8])
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) load() error {
	var (
		e   *Enclave
		seq int64
	)
	s.end, s.shows = 0, false
	err := s.loadSecrets()
	if err == nil {
		e, seq, err = s.loadSnapshot()
	}
	if err == nil {
		seq, err = s.loadJournal(e, seq)
	}
	if err != nil {
		e, seq = &Enclave{}, 0
	}
	s.enclave, s.seq = e, seq
	return err
}

func (s *Store) loadSnapshot() (*Enclave, int64, error) {
	path := s.path(snapshotFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Enclave{}, 0, nil
	} else if err != nil {
		return nil, 0, err
	}
	if data, err = s.reveal(data); err != nil {
		return nil, 0, err
	}
	var snap snapshot
	if err := json.Unmarshal(data, &snap); err != nil {
		return nil, 0, s.quarantine(path, err)
	}
	if snap.Format > Format {
		return nil, 0, &NewerError{path, snap.Format}
	}
	if sum(snap.Enclave) != snap.Sum { // it may have been laid out for a reader
		var compact bytes.Buffer
		if err := json.Compact(&compact, snap.Enclave); err != nil {
			return nil, 0, s.quarantine(path, err)
		}
		if got := sum(compact.Bytes()); got != snap.Sum {
			return nil, 0, s.quarantine(path, fmt.Errorf("checksum is %s, want %s", got, snap.Sum))
		}
	}
	e := &Enclave{}
	if err := json.Unmarshal(snap.Enclave, e); err != nil {
		return nil, 0, s.quarantine(path, err)
	}
	return e, snap.Seq, nil
}

// loadJournal applies the changes that came after the snapshot. A last line that is cut off is the trace of a
// process killed while it wrote: that change never happened. Any other damage makes the state unreadable.
func (s *Store) loadJournal(e *Enclave, seq int64) (int64, error) {
	path := s.path(journalFile)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return seq, nil
	} else if err != nil {
		return seq, err
	}
	defer file.Close()
	r := bufio.NewReader(file)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return seq, nil
		} else if err != nil {
			return seq, err
		}
		s.end += int64(len(line))
		if line, err = s.reveal(line); err != nil {
			return seq, err
		}
		var en entry
		if err := json.Unmarshal(line, &en); err != nil {
			return seq, s.quarantine(path, fmt.Errorf("line %d: %w", n, err))
		}
		if got := sum(en.Change); got != en.Sum {
			return seq, s.quarantine(path, fmt.Errorf("line %d: checksum is %s, want %s", n, got, en.Sum))
		}
		if en.Seq <= seq {
			continue // in the snapshot already
		}
		var c Change
		if err := json.Unmarshal(en.Change, &c); err != nil {
			return seq, s.quarantine(path, fmt.Errorf("line %d: %w", n, err))
		}
		e.apply(c)
		seq = en.Seq
	}
}

// quarantine sets the state's files aside: half of a state is not a state. The secrets stay, to be hidden on, unless
// they are what cannot be read.
func (s *Store) quarantine(path string, cause error) error {
	stamp := s.now().UTC().Format("20060102T150405.000")
	corrupt := &CorruptError{Path: path, Err: cause}
	names := []string{snapshotFile, journalFile}
	if path == s.path(secretsFile) {
		names = append(names, secretsFile)
	}
	for _, name := range names {
		from := s.path(name)
		to := from + asideInfix + stamp
		if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if from == path {
			corrupt.Kept = to
		}
	}
	return corrupt
}

// asideInfix is in the names of files that were set aside, before the time.
const asideInfix = ".corrupt-"

// SetAside lists the files that could not be read, ever, and were set aside.
func (s *Store) SetAside() []string {
	files, _ := filepath.Glob(s.path("*" + asideInfix + "*")) // of a pattern that is none, there are none
	return files
}

// Apply changes what is remembered; when it returns nil the change is on disk.
func (s *Store) Apply(c Change) error { return s.apply(c, true) }

// Note is Apply for what only history would miss: the change outlives the process, and is on disk with the next Apply.
func (s *Store) Note(c Change) error { return s.apply(c, false) }

func (s *Store) apply(c Change, sync bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if s.journal == nil {
		if err := s.begin(); err != nil {
			return fmt.Errorf("saving the enclave's state: %w", err)
		}
	}
	line, err := json.Marshal(entry{Seq: s.seq + 1, Sum: sum(data), Change: data})
	if err != nil {
		return err
	}
	if err := s.append(append(s.secrets.sealed(line), '\n'), sync); err != nil {
		return fmt.Errorf("saving the enclave's state: %w", err)
	}
	s.seq++
	s.enclave.apply(c)
	return nil
}

// append writes one line or none: what a full disk left of it is cut off again, so that later lines stay readable.
func (s *Store) append(line []byte, sync bool) error {
	end, err := s.journal.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err = s.journal.Write(line); err == nil && sync {
		err = s.journal.Sync()
	}
	if err != nil {
		return errors.Join(err, s.journal.Truncate(end))
	}
	s.end = end + int64(len(line))
	return nil
}

// begin makes the journal ready for lines. One that ends where it was read to is taken as it is; more is the half of a
// line that a process was killed over.
func (s *Store) begin() error {
	if info, err := os.Stat(s.path(journalFile)); err != nil || info.Size() != s.end || s.seq == 0 {
		return s.compact()
	}
	journal, err := os.OpenFile(s.path(journalFile), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.journal = journal
	return nil
}

// compact writes the snapshot and starts an empty journal. Killed between the two, the journal's lines are older
// than the snapshot and are passed over.
func (s *Store) compact() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	enclave, err := json.Marshal(s.enclave)
	if err != nil {
		return err
	}
	data, err := json.Marshal(snapshot{Format: Format, Seq: s.seq, Sum: sum(enclave), Enclave: enclave})
	if err != nil {
		return err
	}
	if err := WriteFile(s.path(snapshotFile), append(s.secrets.sealed(data), '\n')); err != nil {
		return err
	}
	journal, err := os.OpenFile(s.path(journalFile), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(journal.Sync(), syncDir(s.dir)); err != nil {
		return errors.Join(err, journal.Close())
	}
	s.journal, s.end, s.shows = journal, 0, false
	return nil
}

// foldBytes is how long a journal may stay. Folding it into the snapshot is waited for three times, which a run that
// did nothing would notice; reading it is not noticed below this.
const foldBytes = 32 << 10

// Close ends writing; a long journal is folded into the snapshot. The store may be read on.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		return nil
	}
	err := s.journal.Close()
	if err == nil && (s.end > foldBytes || s.shows) {
		if err = s.compact(); err == nil {
			err = s.journal.Close()
		}
	}
	if err == nil {
		err = s.dropUnused()
	}
	s.journal = nil
	return err
}

// Remove deletes the state and every artifact of the enclave.
func (s *Store) Remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal != nil {
		_ = s.journal.Close() // its content goes with the directory
		s.journal = nil
	}
	s.enclave, s.secrets, s.seq = &Enclave{}, secrets{}, 0
	return os.RemoveAll(s.dir)
}

// WriteFile replaces a file as a whole: whoever reads it sees the old content or the new, after a power cut too.
func WriteFile(path string, data []byte) error { return replaceFile(path, data, true) }

func replaceFile(path string, data []byte, sync bool) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil && sync {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// List returns the directories of enclave states below root, by the enclaves' UUIDs. A root that does not exist
// holds none.
func List(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs, nil
}
