package engine

import (
	"bufio"
	"context"
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

	"github.com/kurtosis-go/kurtosis/backends"
)

// LogOptions say how much of the services' output is kept after the services are gone.
type LogOptions struct {
	Retention time.Duration // since the last line; 0 is DefaultRetention
	MaxBytes  int64         // of one service, the newest lines; 0 is DefaultLogBytes
}

const (
	DefaultRetention = 168 * time.Hour
	DefaultLogBytes  = 256 << 20
)

const (
	lookEvery  = 5 * time.Second // for enclaves that were made without this engine
	sweepEvery = time.Hour
)

// keeper writes down what services say, as the container engine forgets it together with the service. A service's
// log is <dir>/<enclave>/<service>.jsonl, and before it .1.jsonl.
type keeper struct {
	server  *Server
	dir     string
	options LogOptions
	added   chan string // enclaves to follow

	mu        sync.Mutex
	following map[string]bool // enclaves and services, by UUID
}

func newKeeper(s *Server, dir string, o LogOptions) (*keeper, error) {
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultLogBytes
	}
	k := &keeper{server: s, dir: dir, options: o, added: make(chan string, 1), following: map[string]bool{}}
	return k, os.MkdirAll(dir, 0o700)
}

// follow has an enclave looked at now and not at the next look.
func (k *keeper) follow(enclave string) {
	select {
	case k.added <- enclave:
	default: // somebody else's look is due anyway
	}
}

func (k *keeper) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	look, sweep := time.NewTicker(lookEvery), time.NewTicker(sweepEvery)
	defer look.Stop()
	defer sweep.Stop()
	k.sweep()
	for {
		list, err := k.server.list(ctx)
		if err == nil { // else the container engine is away: the next look finds out
			for _, m := range list {
				if k.claim(m.UUID) {
					all.Go(func() {
						defer k.disclaim(m.UUID)
						k.enclave(ctx, m.UUID)
					})
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-k.added:
		case <-sweep.C:
			k.sweep()
		}
	}
}

func (k *keeper) claim(uuid string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.following[uuid] {
		return false
	}
	k.following[uuid] = true
	return true
}

func (k *keeper) disclaim(uuid string) {
	k.mu.Lock()
	delete(k.following, uuid)
	k.mu.Unlock()
}

// enclave follows the services of an enclave until it is gone or ctx ends.
func (k *keeper) enclave(ctx context.Context, uuid string) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	events, err := k.server.Backend.Watch(ctx, uuid)
	if err != nil {
		return // looked at again
	}
	names, err := openHistory(filepath.Join(k.dir, uuid, "services.jsonl"))
	if err != nil {
		return
	}
	var all sync.WaitGroup
	defer all.Wait()
	start := func(name, service string) {
		if name == "" || service == "" || !k.claim(service) {
			return
		}
		all.Go(func() {
			defer k.disclaim(service)
			if err := names.add(backends.Enclave{Name: name, UUID: service}); err == nil {
				k.service(ctx, uuid, name, service)
			}
		})
	}
	services, err := k.server.Backend.ListServices(ctx, uuid)
	if err != nil {
		return
	}
	for _, s := range services {
		start(s.Name, s.UUID)
	}
	for e := range events {
		if e.Type == backends.ServiceStarted {
			start(e.Service, e.UUID)
		}
	}
	stop()
}

// record is a kept line.
type record struct {
	Time   time.Time `json:"t"`
	Stderr bool      `json:"e,omitempty"`
	Text   string    `json:"m"`
}

// service writes down a service's output until it ends.
func (k *keeper) service(ctx context.Context, enclave, name, uuid string) {
	path := k.path(enclave, uuid)
	seen := &position{}
	for r, err := range kept(path) {
		if err != nil {
			return
		}
		seen.add(r.Time)
	}
	log, err := openRotated(path, k.options.MaxBytes/2)
	if err != nil {
		return
	}
	defer log.close()
	skip := seen.skipper()
	for line, err := range k.server.Backend.Logs(ctx, enclave, name, backends.LogOptions{Follow: true, Since: seen.last}) {
		if err != nil {
			return
		}
		if skip(line.Time) {
			continue
		}
		if log.write(record(line)) != nil {
			return // the disk is full: what the container engine has is read from there
		}
	}
}

func (k *keeper) path(enclave, service string) string {
	return filepath.Join(k.dir, enclave, service+".jsonl")
}

// position is how far a log was read: the container engine gives lines since a time, that of the last one included.
type position struct {
	last time.Time
	at   int // lines that have just this time
}

func (p *position) add(t time.Time) {
	if t.Equal(p.last) {
		p.at++
	} else {
		p.last, p.at = t, 1
	}
}

// skipper tells which lines of a log that begins at the position were read before.
func (p position) skipper() func(time.Time) bool {
	return func(t time.Time) bool {
		if t.Before(p.last) {
			return true
		}
		if t.Equal(p.last) && p.at > 0 {
			p.at--
			return true
		}
		return false
	}
}

// rotated is a file that starts anew when it is full; the one before is kept.
type rotated struct {
	path string
	max  int64
	size int64
	file *os.File
}

func previous(path string) string { return strings.TrimSuffix(path, ".jsonl") + ".1.jsonl" }

func openRotated(path string, max int64) (*rotated, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	r := &rotated{path: path, max: max}
	return r, r.open()
}

func (r *rotated) open() error {
	f, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	// What a crash left of a last line is cut off.
	end, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file, r.size = f, end
	return nil
}

// wholeLines is the size of a file up to its last line end.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	const step = 64 << 10
	buffer := make([]byte, step)
	for end := info.Size(); end > 0; {
		start := max(0, end-step)
		n, err := f.ReadAt(buffer[:end-start], start)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := strings.LastIndexByte(string(buffer[:n]), '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

func (r *rotated) write(rec record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if r.size > 0 && r.size+int64(len(data)) > r.max {
		if err := errors.Join(r.file.Close(), os.Rename(r.path, previous(r.path))); err != nil {
			return err
		}
		if err := r.open(); err != nil {
			return err
		}
	}
	n, err := r.file.Write(data)
	r.size += int64(n)
	return err
}

func (r *rotated) close() { _ = r.file.Close() } // every line was written as it came

// kept reads what was written down of a service, oldest first. A log that is not there has no lines.
func kept(path string) func(func(record, error) bool) {
	return func(yield func(record, error) bool) {
		for _, p := range []string{previous(path), path} {
			f, err := os.Open(p)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				yield(record{}, err)
				return
			}
			more := readKept(f, yield)
			_ = f.Close()
			if !more {
				return
			}
		}
	}
}

func readKept(f io.Reader, yield func(record, error) bool) (more bool) {
	for r := bufio.NewReaderSize(f, 256<<10); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return true // without its end a line is still being written
		} else if err != nil {
			return yield(record{}, err)
		}
		var rec record
		if err := json.Unmarshal(line, &rec); err != nil {
			continue // damaged: the lines around it are worth more than an error
		}
		if !yield(rec, nil) {
			return false
		}
	}
}

// sweep removes logs that nothing was added to for longer than they are kept.
func (k *keeper) sweep() {
	oldest := k.server.Now().Add(-k.options.Retention)
	enclaves, err := os.ReadDir(k.dir)
	if err != nil {
		return // looked at again
	}
	for _, e := range enclaves {
		dir := filepath.Join(k.dir, e.Name())
		files, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		left := 0
		for _, f := range files {
			info, err := f.Info()
			if err != nil || !info.ModTime().Before(oldest) || os.Remove(filepath.Join(dir, f.Name())) != nil {
				left++
			}
		}
		if left == 0 {
			_ = os.Remove(dir) // or it was filled again just now
		}
	}
}

// lookup finds a service of the past by identifier.
func (k *keeper) lookup(enclave, identifier string) (identity, bool) {
	names, err := openHistory(filepath.Join(k.dir, enclave, "services.jsonl"))
	if err != nil {
		return identity{}, false
	}
	all := names.all()
	for i := len(all) - 1; i >= 0; i-- { // the latest of several of one name
		if all[i].Name == identifier || len(identifier) >= backends.ShortUUIDLength && strings.HasPrefix(all[i].UUID, identifier) {
			return all[i], true
		}
	}
	return identity{}, false
}

func noEnclave(identifier string) error {
	return fmt.Errorf("there is and was no enclave %q", identifier)
}
