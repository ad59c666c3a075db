package apicontainer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/archive"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// keptBundles is how many bundles stay that nobody runs: the versions of a package that somebody works on.
const keptBundles = 8

// bundles are packages that came with all that they import, each in a directory named by its digest. Those that were
// used longest ago go.
type bundles struct {
	dir string
	max int64 // bytes of one
	now func() time.Time

	mu   sync.Mutex
	used map[string]int // how many runs use one
}

func openBundles(dir string, now func() time.Time) (*bundles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	stale, err := filepath.Glob(filepath.Join(dir, ".incoming-*"))
	if err != nil {
		return nil, err
	}
	for _, name := range stale { // nobody uploads anything yet
		if err := os.RemoveAll(name); err != nil {
			return nil, err
		}
	}
	return &bundles{dir: dir, max: packages.DefaultBundleBytes, now: now, used: map[string]int{}}, nil
}

func (b *bundles) has(digest string) bool {
	info, err := os.Stat(filepath.Join(b.dir, digest))
	return err == nil && info.IsDir()
}

// put unpacks a bundle, whole or not at all.
func (b *bundles) put(ctx context.Context, digest string, stream io.Reader) error {
	tmp, err := os.MkdirTemp(b.dir, ".incoming-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // nothing is there once it was renamed
	plain, err := archive.Decompress(bufio.NewReader(stream))
	if err != nil {
		return err
	}
	sum := sha256.New()
	limited := &limited{r: io.TeeReader(plain, sum), left: b.max + b.max/8, max: b.max} // headers and padding come on top
	if err := state.Extract(ctx, limited, tmp); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, limited); err != nil { // what follows the end of the archive has its part in the digest
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != digest {
		return backends.Errorf(backends.Invalid, "the package was changed while it was uploaded: its digest is %s, and %s was announced", got[:12], digest[:12]).WithHint("run it again")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.has(digest) { // somebody else was faster
		return nil
	}
	if err := os.Rename(tmp, filepath.Join(b.dir, digest)); err != nil {
		return err
	}
	return b.sweep(digest)
}

// limited refuses to go on after so many bytes.
type limited struct {
	r         io.Reader
	left, max int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, backends.Errorf(backends.Invalid, "the bundle holds more than %d MiB, which is the most that a package may have", l.max>>20)
	}
	return n, err
}

// open gives the directory of a bundle, which stays until it is released.
func (b *bundles) open(digest string) (dir string, release func(), err error) {
	if err := checkDigest(digest); err != nil {
		return "", nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.has(digest) {
		return "", nil, backends.Errorf(backends.NotFound, "the bundle %s was not uploaded", digest[:12]).WithHint("upload it, and run it again")
	}
	dir = filepath.Join(b.dir, digest)
	now := b.now()
	if err := os.Chtimes(dir, now, now); err != nil {
		return "", nil, err
	}
	b.used[digest]++
	return dir, sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.used[digest]--; b.used[digest] == 0 {
			delete(b.used, digest)
		}
	}), nil
}

// sweep removes the bundles beyond those that are kept; the newest is not looked at, as its run comes next.
func (b *bundles) sweep(newest string) error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return err
	}
	type old struct {
		name string
		used time.Time
	}
	var list []old
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || e.Name() == newest || b.used[e.Name()] > 0 || checkDigest(e.Name()) != nil {
			continue
		}
		list = append(list, old{e.Name(), info.ModTime()})
	}
	slices.SortFunc(list, func(x, y old) int { return y.used.Compare(x.used) })
	for _, o := range list[min(len(list), keptBundles):] {
		if err := os.RemoveAll(filepath.Join(b.dir, o.name)); err != nil {
			return err
		}
	}
	return nil
}

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

func checkDigest(digest string) error {
	if !digestPattern.MatchString(digest) {
		return backends.Errorf(backends.Invalid, "'%s' is not the digest of a bundle", digest).WithHint("it is a SHA-256 in hex")
	}
	return nil
}

// HasBundle tells whether a bundle is here.
func (s *service) HasBundle(_ context.Context, req *connect.Request[kurtosisv1.HasBundleRequest]) (*connect.Response[kurtosisv1.HasBundleResponse], error) {
	if err := checkDigest(req.Msg.Digest); err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.HasBundleResponse{Present: s.bundles.has(req.Msg.Digest)}), nil
}

// UploadBundle takes a bundle.
func (s *service) UploadBundle(ctx context.Context, stream *connect.ClientStream[kurtosisv1.UploadBundleRequest]) (*connect.Response[kurtosisv1.UploadBundleResponse], error) {
	if !stream.Receive() {
		if err := stream.Err(); err != nil {
			return nil, err
		}
		return nil, invalid("the upload is empty")
	}
	first := stream.Msg()
	digest, begin := first.Digest, first.Data
	if err := checkDigest(digest); err != nil {
		return nil, rpc.Error(err)
	}
	rest := &received{next: func() ([]byte, error) {
		if !stream.Receive() {
			return nil, errors.Join(io.EOF, stream.Err())
		}
		return stream.Msg().Data, nil
	}, failure: stream.Err}
	if err := s.bundles.put(ctx, digest, io.MultiReader(bytes.NewReader(begin), rest)); err != nil {
		var refused *state.ArchiveError
		if errors.As(err, &refused) {
			return nil, invalid("the bundle is refused: %s", refused)
		}
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.UploadBundleResponse{}), nil
}

// received reads the data of a stream of messages.
type received struct {
	next    func() ([]byte, error)
	failure func() error
	rest    []byte
}

func (r *received) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		data, err := r.next()
		if err != nil {
			if failure := r.failure(); failure != nil {
				return 0, failure
			}
			return 0, io.EOF
		}
		r.rest = data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
