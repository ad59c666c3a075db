// Package fetch brings repositories and files from the network onto this machine. Trees are kept by repository and
// commit, several side by side, in a cache that any number of processes may share.
package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Options are what a Cache needs to know; the zero value is what a user on a normal machine wants.
type Options struct {
	Dir     string // of the cache; "" is kurtosis/packages in the user's cache directory
	Offline bool   // nothing is asked of the network: what was fetched before is all there is
	Base    string // what repositories are below; "" is "https://"
	Token   string // of GitHub, used where a repository is refused without
	Git     string // the git program; "" looks for it, NoGit does without
	Client  *http.Client
	// Wait pauses between attempts; nil waits for real.
	Wait func(ctx context.Context, d time.Duration) error
	// Progress is told when something is about to be fetched; it may be nil.
	Progress func(repository, version string)
}

// NoGit as Options.Git uses the library instead of the system's git.
const NoGit = "none"

// Error is what went wrong with a fetch, in words for the user.
type Error struct {
	Message string
	Hint    string // what to do about it, or ""
	Err     error  // the cause, or nil
	passing bool   // worth another attempt
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// errNoCommit says that a server does not have a commit, or does not hand it out by its name.
var errNoCommit = errors.New("no such commit")

// transport is one way of speaking git.
type transport interface {
	// refs gives the commits that the default branch (under "HEAD"), "refs/tags/…" and "refs/heads/…" of names are at.
	refs(ctx context.Context, url, token string, names []string) (map[string]string, error)
	// checkout writes the tree of a commit into dir, which is empty, using scratch, which is too. A commit that is
	// not there is errNoCommit. A commit may be shortened where whole is set; its full name is returned.
	checkout(ctx context.Context, url, token, commit string, whole bool, scratch, dir string) (string, error)
}

// Cache fetches repositories and keeps them. It is safe for concurrent use, by processes too.
type Cache struct {
	options Options
	git     transport

	mu    sync.Mutex
	locks map[string]*sync.Mutex // by repository: one fetch of each at a time in this process
	known map[string]string      // repository@version → commit, asked for once in a process
}

// New makes a cache; nothing is looked at or made until it is used.
func New(o Options) *Cache {
	if o.Base == "" {
		o.Base = "https://"
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	return &Cache{options: o, locks: map[string]*sync.Mutex{}, known: map[string]string{}}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// DefaultDir is the cache's place where no other is named.
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", &Error{Message: "there is no place for fetched packages: " + err.Error(), Hint: "set XDG_CACHE_HOME", Err: err}
	}
	return filepath.Join(dir, "kurtosis", "packages"), nil
}

func (c *Cache) dir() (string, error) {
	if c.options.Dir != "" {
		return c.options.Dir, nil
	}
	return DefaultDir()
}

// transportFor finds the way to fetch, at the first fetch.
func (c *Cache) transportFor() transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.git == nil {
		program := c.options.Git
		if program == "" {
			program, _ = exec.LookPath("git")
		}
		if program == "" || program == NoGit {
			c.git = library{}
		} else {
			c.git = system{program: program}
		}
	}
	return c.git
}

// maybeCommit says whether version can be a commit, perhaps a shortened one.
func maybeCommit(version string) bool {
	return len(version) >= 7 && len(version) <= 40 && strings.Trim(version, "0123456789abcdef") == ""
}

func isCommit(version string) bool { return len(version) == 40 && maybeCommit(version) }

// Fetch gives the directory with the tree of repository (github.com/owner/name) at the first of versions that is a
// tag, branch or commit there, and which; "" is the default branch.
func (c *Cache) Fetch(ctx context.Context, repository string, versions []string) (dir, version string, err error) {
	root, err := c.dir()
	if err != nil {
		return "", "", err
	}
	own := c.lock(repository)
	own.Lock()
	defer own.Unlock()
	home := filepath.Join(root, filepath.FromSlash(repository))
	for _, v := range versions { // without asking anybody where the name says it all
		if commit, ok := c.settled(repository, v); ok && isDir(filepath.Join(home, commit)) {
			return filepath.Join(home, commit), v, nil
		}
	}
	if c.options.Offline {
		return c.fetchedBefore(home, repository, versions)
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", "", &Error{Message: "can't keep fetched packages: " + err.Error(), Err: err}
	}
	unlock, err := lockFile(ctx, home+".lock")
	if err != nil {
		return "", "", err
	}
	defer unlock()
	var commit string
	err = c.attempts(ctx, func() error {
		var err error
		commit, version, err = c.fetch(ctx, root, home, repository, versions)
		return err
	})
	if err != nil {
		return "", "", err
	}
	c.mu.Lock()
	c.known[repository+"@"+version] = commit
	c.mu.Unlock()
	if err := remember(home, version, commit); err != nil {
		return "", "", &Error{Message: "can't keep fetched packages: " + err.Error(), Err: err}
	}
	return filepath.Join(home, commit), version, nil
}

func (c *Cache) lock(repository string) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.locks[repository]
	if !ok {
		m = &sync.Mutex{}
		c.locks[repository] = m
	}
	return m
}

// settled gives the commit of a version that cannot have moved: a commit, or one that this process has asked for.
func (c *Cache) settled(repository, version string) (string, bool) {
	if isCommit(version) {
		return version, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	commit, ok := c.known[repository+"@"+version]
	return commit, ok
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// lockFile takes a lock that other processes respect.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	type outcome struct {
		unlock func()
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(name).Lock()
		done <- outcome{unlock, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return nil, &Error{Message: "can't lock the package cache: " + o.err.Error(), Err: o.err}
		}
		return o.unlock, nil
	case <-ctx.Done():
		go func() { // the lock comes when its holder is done; nobody wants it then
			if o := <-done; o.err == nil {
				o.unlock()
			}
		}()
		return nil, ctx.Err()
	}
}

// attempts calls try up to three times, for as long as what fails may pass.
func (c *Cache) attempts(ctx context.Context, try func() error) error {
	for pause := time.Second; ; pause *= 2 {
		err := try()
		var e *Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &e) || !e.passing || pause > 2*time.Second {
			if err != nil && ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		if err := c.options.Wait(ctx, pause); err != nil {
			return err
		}
	}
}

func (c *Cache) fetch(ctx context.Context, root, home, repository string, versions []string) (commit, version string, err error) {
	url := c.options.Base + repository
	commit, version, err = c.find(ctx, url, repository, versions)
	if err != nil {
		return "", "", err
	}
	whole := false
	if commit == "" { // only a look at all commits can tell
		whole = true
	} else if isDir(filepath.Join(home, commit)) {
		return commit, version, nil
	}
	if c.options.Progress != nil {
		c.options.Progress(repository, version)
	}
	candidates := []string{commit}
	if whole {
		candidates = candidates[:0]
		for _, v := range versions {
			if maybeCommit(v) {
				candidates = append(candidates, v)
			}
		}
	}
	for _, name := range candidates {
		commit, err := c.materialise(ctx, root, home, repository, url, name, whole)
		if errors.Is(err, errNoCommit) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		if whole {
			version = name
		}
		return commit, version, nil
	}
	return "", "", noVersion(repository, versions)
}

func noVersion(repository string, versions []string) error {
	if len(versions) == 1 && versions[0] == "" {
		return &Error{Message: fmt.Sprintf("%s has no default branch", repository)}
	}
	quoted := make([]string, len(versions))
	for i, v := range versions {
		quoted[i] = "'" + v + "'"
	}
	return &Error{Message: fmt.Sprintf("%s has no tag, branch or commit %s", repository, strings.Join(quoted, " or "))}
}

// find turns versions into a commit: "" where none is a tag or branch, but one may be a shortened commit.
func (c *Cache) find(ctx context.Context, url, repository string, versions []string) (commit, version string, err error) {
	var names []string
	for _, v := range versions {
		if isCommit(v) && len(versions) == 1 {
			return v, v, nil
		}
		if v != "" {
			names = append(names, v)
		}
	}
	refs, err := withToken(c.options.Token, func(token string) (map[string]string, error) {
		return c.transportFor().refs(ctx, url, token, names)
	})
	if err != nil {
		return "", "", explain(repository, err)
	}
	maybe := false
	for _, v := range versions {
		if v == "" {
			if commit := refs["HEAD"]; commit != "" {
				return commit, "", nil
			}
			continue
		}
		for _, ref := range []string{"refs/tags/" + v + "^{}", "refs/tags/" + v, "refs/heads/" + v} {
			if commit := refs[ref]; commit != "" {
				return commit, v, nil
			}
		}
		if isCommit(v) {
			return v, v, nil
		}
		maybe = maybe || maybeCommit(v)
	}
	if !maybe {
		return "", "", noVersion(repository, versions)
	}
	return "", "", nil
}

// withToken asks without credentials of our own first, so that a token that is no good for a public repository
// does no harm.
func withToken[T any](token string, ask func(token string) (T, error)) (T, error) {
	out, err := ask("")
	var denied *deniedError
	if errors.As(err, &denied) && token != "" {
		return ask(token)
	}
	return out, err
}

// deniedError says that a server wants credentials, or hides that a repository exists.
type deniedError struct{ text string }

func (e *deniedError) Error() string { return e.text }

func explain(repository string, err error) error {
	var e *Error
	var denied *deniedError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &e), errors.Is(err, errNoCommit):
		return err
	case errors.As(err, &denied):
		return &Error{
			Message: fmt.Sprintf("%s doesn't exist, or is private and not open to the credentials at hand", repository),
			Hint:    "check the spelling; for a private repository let git know its credentials, or set GITHUB_TOKEN",
			Err:     err,
		}
	}
	return &Error{
		Message: fmt.Sprintf("can't fetch %s: %s", repository, err),
		Hint:    "--offline uses what was fetched before, --vendor a tree of your own",
		Err:     err, passing: true,
	}
}

// materialise writes a commit's tree beside the others, whole or not at all.
func (c *Cache) materialise(ctx context.Context, root, home, repository, url, commit string, whole bool) (string, error) {
	work := filepath.Join(root, "tmp")
	if err := os.MkdirAll(work, 0o755); err != nil {
		return "", &Error{Message: "can't keep fetched packages: " + err.Error(), Err: err}
	}
	dropStale(work)
	work, err := os.MkdirTemp(work, "fetch-")
	if err != nil {
		return "", &Error{Message: "can't keep fetched packages: " + err.Error(), Err: err}
	}
	defer os.RemoveAll(work)
	round := 0
	full, err := withToken(c.options.Token, func(token string) (string, error) {
		round++
		scratch, tree := filepath.Join(work, fmt.Sprint("git", round)), filepath.Join(work, "tree")
		if err := errors.Join(os.Mkdir(scratch, 0o755), os.MkdirAll(tree, 0o755)); err != nil {
			return "", err
		}
		return c.transportFor().checkout(ctx, url, token, commit, whole, scratch, tree)
	})
	if err != nil {
		return "", explain(repository, err)
	}
	to := filepath.Join(home, full)
	if err := os.Rename(filepath.Join(work, "tree"), to); err != nil && !isDir(to) {
		return "", &Error{Message: "can't keep fetched packages: " + err.Error(), Err: err}
	}
	return full, nil
}

// dropStale removes what processes that died left behind a day or more ago.
func dropStale(work string) {
	entries, err := os.ReadDir(work)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(filepath.Join(work, e.Name()))
		}
	}
}

// versionsFile holds, beside the trees of a repository, the commits that its versions were last seen at.
const versionsFile = "versions.json"

func readVersions(home string) map[string]string {
	seen := map[string]string{}
	if text, err := os.ReadFile(filepath.Join(home, versionsFile)); err == nil {
		_ = json.Unmarshal(text, &seen) // what cannot be read is as good as not there
	}
	return seen
}

// remember is called with the repository's lock held.
func remember(home, version, commit string) error {
	seen := readVersions(home)
	if seen[version] == commit {
		return nil
	}
	seen[version] = commit
	text, err := json.MarshalIndent(seen, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(home, versionsFile+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(text, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(home, versionsFile))
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// fetchedBefore answers from the cache alone.
func (c *Cache) fetchedBefore(home, repository string, versions []string) (dir, version string, err error) {
	seen := readVersions(home)
	for _, v := range versions {
		if commit := seen[v]; commit != "" && isDir(filepath.Join(home, commit)) {
			return filepath.Join(home, commit), v, nil
		}
		if maybeCommit(v) {
			if found, err := filepath.Glob(filepath.Join(home, v+"*")); err == nil && len(found) == 1 && isDir(found[0]) {
				return found[0], v, nil
			}
		}
	}
	what := repository
	if versions[0] != "" {
		what += "@" + versions[0]
	}
	return "", "", &Error{
		Message: fmt.Sprintf("%s was never fetched, and nothing may be fetched now", what),
		Hint:    "run once without --offline, or give a tree with --vendor",
		Err:     fs.ErrNotExist,
	}
}
