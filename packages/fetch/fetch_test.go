package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// server is a real git server: git's own http-backend. The repository private/r wants a token.
type server struct {
	*httptest.Server
	requests atomic.Int64
	broken   atomic.Int64 // so many requests are answered with 500
	commits  []string     // of o/r: the first, v1's, main's, feat/x's
}

func (s *server) base() string { return s.URL + "/" }

func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func serve(t *testing.T) *server {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatalf("the tests of fetching need git: %v", err)
	}
	root := t.TempDir()
	s := &server{}
	work := filepath.Join(root, "work")
	runGit(t, root, "init", "-q", "-b", "main", work)
	commit := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(work, "main.star"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		runGit(t, work, "add", "-A")
		runGit(t, work, "commit", "-q", "-m", text)
		s.commits = append(s.commits, runGit(t, work, "rev-parse", "HEAD"))
	}
	if err := os.WriteFile(filepath.Join(work, "kurtosis.yml"), []byte("name: github.com/o/r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "run.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("main.star", filepath.Join(work, "link.star")); err != nil {
		t.Fatal(err)
	}
	commit("# first\n")
	commit("# v1\n")
	runGit(t, work, "tag", "-a", "-m", "one", "v1")
	commit("# main\n")
	runGit(t, work, "checkout", "-q", "-b", "feat/x")
	commit("# feat/x\n")
	runGit(t, work, "checkout", "-q", "main")
	for _, name := range []string{"o/r", "private/r"} {
		bare := filepath.Join(root, "srv", "github.com", filepath.FromSlash(name))
		runGit(t, root, "clone", "-q", "--bare", work, bare)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(runGit(t, root, "--exec-path"), "git-http-backend"), Dir: root,
		Stderr: io.Discard,
		Env:    []string{"GIT_PROJECT_ROOT=" + filepath.Join(root, "srv"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "PATH=" + filepath.Dir(program)},
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if s.broken.Add(-1) >= 0 {
			http.Error(w, "try later", http.StatusInternalServerError)
			return
		}
		if user, token, _ := r.BasicAuth(); strings.HasPrefix(r.URL.Path, "/github.com/private/") && (user != "x-access-token" || token != "secret") {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	t.Setenv("GIT_CONFIG_SYSTEM", "/dev/null")
	return s
}

// both runs a test with the system's git and with the library.
func both(t *testing.T, test func(t *testing.T, program string)) {
	t.Run("git", func(t *testing.T) { test(t, "") })
	t.Run("library", func(t *testing.T) { test(t, NoGit) })
}

func content(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "main.star"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestVersions(t *testing.T) {
	s := serve(t)
	both(t, func(t *testing.T, program string) {
		c := New(Options{Dir: t.TempDir(), Base: s.base(), Git: program})
		for _, v := range []struct {
			versions              []string
			wantText, wantVersion string
			commit                int
		}{
			{[]string{""}, "# main\n", "", 2},
			{[]string{"v1"}, "# v1\n", "v1", 1},
			{[]string{"main"}, "# main\n", "main", 2},
			{[]string{"feat/x"}, "# feat/x\n", "feat/x", 3},
			{[]string{"feat", "feat/x"}, "# feat/x\n", "feat/x", 3},
			{[]string{s.commits[0]}, "# first\n", s.commits[0], 0},
			{[]string{s.commits[0][:10]}, "# first\n", s.commits[0][:10], 0},
		} {
			dir, version, err := c.Fetch(t.Context(), "github.com/o/r", v.versions)
			if err != nil {
				t.Fatalf("%q: %v", v.versions, err)
			}
			if got := content(t, dir); got != v.wantText || version != v.wantVersion || filepath.Base(dir) != s.commits[v.commit] {
				t.Errorf("%q: got %q at %q in %s", v.versions, got, version, dir)
			}
			if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
				t.Errorf("%q: the tree has a .git", v.versions)
			}
			info, err := os.Stat(filepath.Join(dir, "run.sh"))
			if err != nil || info.Mode()&0o100 == 0 {
				t.Errorf("%q: run.sh is not to be run: %v %v", v.versions, info.Mode(), err)
			}
			if to, err := os.Readlink(filepath.Join(dir, "link.star")); to != "main.star" {
				t.Errorf("%q: link.star is %q, %v", v.versions, to, err)
			}
		}
		for _, v := range []struct {
			repository string
			versions   []string
			want       string
		}{
			{"github.com/o/r", []string{"v9"}, "github.com/o/r has no tag, branch or commit 'v9'"},
			{"github.com/o/r", []string{"a", "a/b"}, "github.com/o/r has no tag, branch or commit 'a' or 'a/b'"},
			{"github.com/o/r", []string{"deadbee"}, "github.com/o/r has no tag, branch or commit 'deadbee'"},
			{"github.com/o/r", []string{strings.Repeat("d", 40)}, "github.com/o/r has no tag, branch or commit '" + strings.Repeat("d", 40) + "'"},
			{"github.com/o/none", []string{""}, "github.com/o/none doesn't exist, or is private and not open to the credentials at hand"},
		} {
			if _, _, err := c.Fetch(t.Context(), v.repository, v.versions); err == nil || err.Error() != v.want {
				t.Errorf("%q: got %v, want %s", v.versions, err, v.want)
			}
		}
	})
}

func TestPrivate(t *testing.T) {
	s := serve(t)
	both(t, func(t *testing.T, program string) {
		_, _, err := New(Options{Dir: t.TempDir(), Base: s.base(), Git: program}).Fetch(t.Context(), "github.com/private/r", []string{"v1"})
		if want := "github.com/private/r doesn't exist, or is private and not open to the credentials at hand"; err == nil || err.Error() != want {
			t.Errorf("without a token: got %v, want %s", err, want)
		}
		dir, _, err := New(Options{Dir: t.TempDir(), Base: s.base(), Git: program, Token: "secret"}).Fetch(t.Context(), "github.com/private/r", []string{"v1"})
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, dir); got != "# v1\n" {
			t.Errorf("got %q", got)
		}
	})
}

// The user's own git configuration decides where a repository really comes from, and with which credentials.
func TestInsteadOfAndStoredCredentials(t *testing.T) {
	s := serve(t)
	home := t.TempDir()
	credentials := strings.Replace(s.URL, "://", "://x-access-token:secret@", 1)
	config := fmt.Sprintf("[url \"%s/\"]\n\tinsteadOf = https://\n[credential]\n\thelper = store --file=%s\n", s.URL, filepath.Join(home, "credentials"))
	if err := errors.Join(os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o644), os.WriteFile(filepath.Join(home, "credentials"), []byte(credentials+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, "config"))
	for _, repository := range []string{"github.com/o/r", "github.com/private/r"} {
		dir, _, err := New(Options{Dir: t.TempDir()}).Fetch(t.Context(), repository, []string{""})
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, dir); got != "# main\n" {
			t.Errorf("got %q", got)
		}
	}
}

// From a git hook we run with variables that name the hook's repository.
func TestInsideAHook(t *testing.T) {
	s := serve(t)
	t.Setenv("GIT_DIR", "/nowhere")
	t.Setenv("GIT_INDEX_FILE", "/nowhere/index")
	if _, _, err := New(Options{Dir: t.TempDir(), Base: s.base()}).Fetch(t.Context(), "github.com/o/r", []string{""}); err != nil {
		t.Error(err)
	}
}

func TestCache(t *testing.T) {
	s := serve(t)
	both(t, func(t *testing.T, program string) {
		cache := t.TempDir()
		online := Options{Dir: cache, Base: s.base(), Git: program}
		one := New(online)
		var dirs []string
		for _, v := range []string{"", "v1", s.commits[0]} {
			dir, _, err := one.Fetch(t.Context(), "github.com/o/r", []string{v})
			if err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, dir)
		}
		before := s.requests.Load()
		for i, v := range []string{"", "v1", s.commits[0]} { // in one process nothing moves
			if dir, _, err := one.Fetch(t.Context(), "github.com/o/r", []string{v}); err != nil || dir != dirs[i] {
				t.Errorf("%s: %s, %v", v, dir, err)
			}
		}
		if _, _, err := New(online).Fetch(t.Context(), "github.com/o/r", []string{s.commits[0]}); err != nil { // nor does a commit ever
			t.Error(err)
		}
		offline := New(Options{Dir: cache, Base: s.base(), Git: program, Offline: true})
		for i, v := range []string{"", "v1", s.commits[0], s.commits[0][:8]} {
			if dir, _, err := offline.Fetch(t.Context(), "github.com/o/r", []string{v}); err != nil || dir != dirs[min(i, 2)] {
				t.Errorf("offline %s: %s, %v", v, dir, err)
			}
		}
		for v, want := range map[string]string{"main": "github.com/o/r@main was never fetched, and nothing may be fetched now", "deadbee": "github.com/o/r@deadbee was never fetched, and nothing may be fetched now"} {
			if _, _, err := offline.Fetch(t.Context(), "github.com/o/r", []string{v}); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		if n := s.requests.Load() - before; n != 0 {
			t.Errorf("%d requests where none is needed", n)
		}
		left, err := os.ReadDir(filepath.Join(cache, "tmp"))
		if err != nil || len(left) != 0 {
			t.Errorf("left in tmp: %v, %v", left, err)
		}
	})
}

func TestConcurrentCachesShareOneDirectory(t *testing.T) {
	s := serve(t)
	dir := t.TempDir()
	fetches := atomic.Int64{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			c := New(Options{Dir: dir, Base: s.base(), Progress: func(string, string) { fetches.Add(1) }})
			got, _, err := c.Fetch(t.Context(), "github.com/o/r", []string{"v1"})
			if err != nil {
				t.Error(err)
			} else if text, err := os.ReadFile(filepath.Join(got, "main.star")); string(text) != "# v1\n" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
	group.Wait()
	if fetches.Load() != 1 {
		t.Errorf("fetched %d times", fetches.Load())
	}
}

func TestRetry(t *testing.T) {
	s := serve(t)
	both(t, func(t *testing.T, program string) {
		for _, c := range []struct {
			broken int64
			want   string
		}{{2, ""}, {100, "can't fetch github.com/o/r: "}} {
			var pauses []time.Duration
			wait := func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
			s.broken.Store(c.broken)
			_, _, err := New(Options{Dir: t.TempDir(), Base: s.base(), Git: program, Wait: wait}).Fetch(t.Context(), "github.com/o/r", []string{""})
			s.broken.Store(0)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("broken %d times: got %v", c.broken, err)
			}
			if fmt.Sprint(pauses) != "[1s 2s]" {
				t.Errorf("broken %d times: waited %v", c.broken, pauses)
			}
		}
	})
}

func TestCancel(t *testing.T) {
	s := serve(t)
	both(t, func(t *testing.T, program string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := New(Options{Dir: t.TempDir(), Base: s.base(), Git: program}).Fetch(ctx, "github.com/o/r", []string{""}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDownload(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			w.Write(bytes.Repeat([]byte("x"), 1000))
		case "/stream":
			for range 10 {
				w.Write(bytes.Repeat([]byte("x"), 1<<20))
				w.(http.Flusher).Flush()
			}
		case "/later":
			http.Error(w, "later", http.StatusServiceUnavailable)
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	pauses := 0
	c := New(Options{Wait: func(context.Context, time.Duration) error { pauses++; return nil }})
	for _, v := range []struct {
		url    string
		limit  int64
		want   string
		pauses int
	}{
		{s.URL + "/file", 0, "", 0},
		{s.URL + "/file", 1000, "", 0},
		{s.URL + "/stream", 1 << 20, "can't download 'URL/stream': it is larger than 1 MB", 0},
		{s.URL + "/nothing", 0, "can't download 'URL/nothing': the server answered 404 Not Found", 0},
		{s.URL + "/later", 0, "can't download 'URL/later': the server answered 503 Service Unavailable", 2},
		{"ftp://x/y", 0, "'ftp://x/y' isn't an http or https URL", 0},
	} {
		pauses = 0
		var b bytes.Buffer
		n, err := c.Download(t.Context(), v.url, v.limit, &b)
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), s.URL, "URL")
		} else if n != 1000 || b.Len() != 1000 {
			t.Errorf("%s: %d bytes", v.url, n)
		}
		if got != v.want || pauses != v.pauses {
			t.Errorf("%s: got %q after %d pauses", v.url, got, pauses)
		}
	}
	_, err := New(Options{Offline: true}).Download(t.Context(), s.URL+"/file", 0, &bytes.Buffer{})
	if err == nil || !strings.HasSuffix(err.Error(), "would have to be downloaded, and nothing may be fetched now") {
		t.Errorf("offline: %v", err)
	}
}
