package state

import (
	"archive/tar"
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Content is a stored archive. Digest covers names, modes, owners, link targets and bytes of the members whatever
// their order, but no times: files that were written again with the same content are the same content.
type Content struct {
	Digest string // 64 hex digits
	Size   int64  // bytes of the stored tar
	Files  int    // regular files in it
}

// Policy says what Put does with members that are fine in a container but that nobody should be able to send.
type Policy uint8

const (
	// Strict refuses links that leave the archive's root and special files: for what comes from outside.
	Strict Policy = iota
	// FromService keeps such links, as a container's own tree is full of them, and passes over special files.
	FromService
)

// ArchiveError says which member of an archive is not acceptable.
type ArchiveError struct{ Reason string }

func (e *ArchiveError) Error() string { return e.Reason }

// limits keep an archive from filling the disk: a packed megabyte may hold a terabyte of zeros.
type limits struct {
	entries int
	free    int64 // unpacked bytes that are never questioned
	ratio   int64 // unpacked bytes per packed byte beyond that
}

var defaultLimits = limits{entries: 1_000_000, free: 1 << 30, ratio: 200}

// Put stores the members of a tar stream, plain or gzip, and returns what they are. Memory is flat: a member is
// written as it arrives. The content is kept until the enclave is closed; a Change that names it keeps it for good.
func (s *Store) Put(ctx context.Context, archive io.Reader, policy Policy) (Content, error) {
	return s.put(ctx, archive, policy, defaultLimits)
}

func (s *Store) put(ctx context.Context, archive io.Reader, policy Policy, limit limits) (c Content, err error) {
	dir := s.path(artifactsDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Content{}, err
	}
	tmp, err := os.CreateTemp(dir, ".incoming-*")
	if err != nil {
		return Content{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tmp.Close(), ignoreMissing(os.Remove(tmp.Name())))
		}
	}()
	buffered := bufio.NewWriterSize(tmp, 1<<18)
	if c, err = normalise(ctx, archive, buffered, policy, limit); err != nil {
		return Content{}, err
	}
	if err = errors.Join(buffered.Flush(), tmp.Sync()); err != nil {
		return Content{}, err
	}
	info, err := tmp.Stat()
	if err != nil {
		return Content{}, err
	}
	c.Size = info.Size()
	if err = tmp.Close(); err != nil {
		return Content{}, err
	}
	if err = os.Rename(tmp.Name(), s.contentPath(c.Digest)); err != nil {
		return Content{}, err
	}
	return c, syncDir(dir)
}

func (s *Store) contentPath(digest string) string {
	return s.path(filepath.Join(artifactsDir, digest+".tar"))
}

// Content opens a stored archive: a plain tar stream. The caller closes it.
func (s *Store) Content(digest string) (io.ReadCloser, error) {
	f, err := os.Open(s.contentPath(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the content %s of a files artifact is missing from %s", shortDigest(digest), s.dir)
	}
	return f, err
}

// Artifact opens the archive of a files artifact by the artifact's name or UUID.
func (s *Store) Artifact(identifier string) (Artifact, io.ReadCloser, error) {
	s.mu.Lock()
	artifact, ok := s.enclave.Artifacts[identifier]
	if !ok {
		for _, a := range s.enclave.Artifacts {
			if len(identifier) >= 12 && strings.HasPrefix(a.UUID, identifier) {
				artifact, ok = a, true
			}
		}
	}
	s.mu.Unlock()
	if !ok {
		return Artifact{}, nil, fmt.Errorf("no files artifact %q in the enclave: %w", identifier, fs.ErrNotExist)
	}
	r, err := s.Content(artifact.Digest)
	return artifact, r, err
}

func shortDigest(d string) string { return d[:min(12, len(d))] }

// dropUnused removes content that no artifact names any more, and what interrupted uploads left.
func (s *Store) dropUnused() error {
	used := map[string]bool{}
	for _, a := range s.enclave.Artifacts {
		used[a.Digest+".tar"] = true
	}
	entries, err := os.ReadDir(s.path(artifactsDir))
	if err != nil {
		return ignoreMissing(err)
	}
	for _, e := range entries {
		if !used[e.Name()] {
			err = errors.Join(err, ignoreMissing(os.Remove(s.path(filepath.Join(artifactsDir, e.Name())))))
		}
	}
	return err
}

// normalise copies a tar stream with only what a files artifact is about in its headers, checks every member, and
// computes the digest on the way.
func normalise(ctx context.Context, in io.Reader, out io.Writer, policy Policy, limit limits) (Content, error) {
	packed := &counter{r: in}
	plain, err := gunzip(packed)
	if err != nil {
		return Content{}, err
	}
	unpacked := &counter{r: plain}
	var (
		r     = tar.NewReader(unpacked)
		w     = tar.NewWriter(out)
		lines []string
		files int
		body  = sha256.New()
		guard = &bombGuard{ctx: ctx, r: r, in: packed, out: unpacked, limit: limit}
	)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return Content{}, archiveError(err)
		}
		if err := guard.check(); err != nil {
			return Content{}, err
		}
		kept, err := checkMember(h, policy)
		if err != nil {
			return Content{}, err
		}
		if kept == nil {
			continue
		}
		if len(lines) == limit.entries {
			return Content{}, &ArchiveError{fmt.Sprintf("the archive has more than %d entries", limit.entries)}
		}
		if err := w.WriteHeader(kept); err != nil {
			return Content{}, err
		}
		var content string
		if kept.Typeflag == tar.TypeReg {
			files++
			if content, err = copyMember(w, guard, body); err != nil {
				return Content{}, err
			}
		}
		lines = append(lines, fmt.Sprintf("%s\x00%c\x00%o\x00%d\x00%d\x00%s\x00%s", kept.Name, kept.Typeflag, kept.Mode, kept.Uid, kept.Gid, kept.Linkname, content))
	}
	// What follows the last member belongs to the stream: a gzip checksum, a sender that waits to be read.
	if _, err := io.Copy(io.Discard, guard.rest()); err != nil {
		return Content{}, archiveError(err)
	}
	if err := w.Close(); err != nil {
		return Content{}, err
	}
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(memberName(a), memberName(b)) })
	all := sha256.New()
	for _, line := range lines {
		fmt.Fprintf(all, "%d:%s", len(line), line)
	}
	return Content{Digest: hex.EncodeToString(all.Sum(nil)), Files: files}, nil
}

func memberName(line string) string { name, _, _ := strings.Cut(line, "\x00"); return name }

func copyMember(w io.Writer, r io.Reader, h hash.Hash) (string, error) {
	h.Reset()
	if _, err := io.Copy(io.MultiWriter(w, h), r); err != nil {
		return "", archiveError(err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func archiveError(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return &ArchiveError{"the archive is damaged: " + err.Error()}
	}
	return err
}

// gunzip unpacks a stream that is gzip and leaves another alone.
func gunzip(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil // too short is for the tar reader to judge
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, archiveError(err)
	}
	return z, nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bombGuard reads a member as long as ctx lasts and the archive keeps to its limit.
type bombGuard struct {
	ctx     context.Context
	r       io.Reader
	in, out *counter
	limit   limits
}

func (g *bombGuard) check() error {
	if err := g.ctx.Err(); err != nil {
		return err
	}
	if g.out.n > g.limit.free && g.out.n > g.limit.ratio*g.in.n {
		return &ArchiveError{fmt.Sprintf("the archive unpacks to more than %d times its size", g.limit.ratio)}
	}
	return nil
}

func (g *bombGuard) Read(p []byte) (int, error) {
	if err := g.check(); err != nil {
		return 0, err
	}
	return g.r.Read(p)
}

func (g *bombGuard) rest() io.Reader {
	return &bombGuard{ctx: g.ctx, r: g.out, in: g.in, out: g.out, limit: g.limit}
}

// checkMember returns the header to store, nil for a member to pass over, or why the archive is refused.
func checkMember(h *tar.Header, policy Policy) (*tar.Header, error) {
	name := path.Clean(strings.TrimSuffix(h.Name, "/"))
	switch {
	case path.IsAbs(h.Name):
		return nil, &ArchiveError{fmt.Sprintf("archive entry %q has an absolute path", h.Name)}
	case name == ".." || strings.HasPrefix(name, "../"):
		return nil, &ArchiveError{fmt.Sprintf("archive entry %q leaves the archive's root", h.Name)}
	case strings.ContainsRune(h.Name, 0):
		return nil, &ArchiveError{fmt.Sprintf("archive entry %q has a zero byte in its name", h.Name)}
	}
	kept := &tar.Header{
		Name: name, Mode: h.Mode & 0o7777, Uid: h.Uid, Gid: h.Gid,
		Typeflag: h.Typeflag, ModTime: h.ModTime.Truncate(time.Second),
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, '\x00':
		kept.Typeflag, kept.Size = tar.TypeReg, h.Size
	case tar.TypeDir:
		kept.Name += "/"
	case tar.TypeSymlink:
		kept.Linkname = h.Linkname
		if policy == Strict && leaves(path.Dir(name), h.Linkname) {
			return nil, &ArchiveError{fmt.Sprintf("archive entry %q links to %q, outside of the archive", h.Name, h.Linkname)}
		}
	case tar.TypeLink:
		kept.Linkname = path.Clean(h.Linkname)
		if leaves(".", h.Linkname) {
			return nil, &ArchiveError{fmt.Sprintf("archive entry %q links to %q, outside of the archive", h.Name, h.Linkname)}
		}
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		if policy == FromService {
			return nil, nil
		}
		return nil, &ArchiveError{fmt.Sprintf("archive entry %q is a device or a pipe, not a file", h.Name)}
	case tar.TypeXGlobalHeader:
		return nil, nil
	default:
		return nil, &ArchiveError{fmt.Sprintf("archive entry %q has type %q, which is not supported", h.Name, h.Typeflag)}
	}
	return kept, nil
}

// leaves tells whether a link in directory dir of the archive points out of it.
func leaves(dir, target string) bool {
	joined := path.Join(dir, target)
	return path.IsAbs(target) || joined == ".." || strings.HasPrefix(joined, "../")
}
