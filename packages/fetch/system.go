package fetch

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// system speaks git through the user's own program, so that its proxies, credentials and insteadOf count.
type system struct{ program string }

// foreign are variables that a git hook, from which we may be running, leaves for its own repository.
var foreign = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"}

func (s system) run(ctx context.Context, token, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.program, append([]string{"-c", "protocol.version=2"}, args...)...)
	cmd.Dir = dir
	cmd.Env = environment(token)
	cmd.WaitDelay = 2 * time.Second // its children (ssh, a credential helper) may hold the pipes open
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return "", fmt.Errorf("can't run git: %w", err)
	}
	return "", gitError(complaints.String())
}

// environment is ours, with git told never to ask anybody anything.
func environment(token string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		keep := true
		for _, f := range foreign {
			keep = keep && name != f
		}
		if keep {
			env = append(env, v)
		}
	}
	env = append(env, "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never", "LC_ALL=C", "LANGUAGE=")
	if os.Getenv("GIT_SSH_COMMAND") == "" && os.Getenv("GIT_SSH") == "" {
		env = append(env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
	}
	if token != "" && os.Getenv("GIT_CONFIG_COUNT") == "" {
		// In the environment, not among the arguments, which other users of the machine can read.
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
		env = append(env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Basic "+basic)
	}
	return env
}

// Compiled when git first complains.
var (
	deniedText   = lazy(`(?i)could not read (username|password)|authentication failed|repository.*not found|does not appear to be a git repository|permission denied|terminal prompts disabled|returned error: 40[134]|invalid credentials`)
	noCommitText = lazy(`(?i)not our ref|couldn't find remote ref|unadvertised object|unknown revision|bad object|invalid reference|not a valid object name|needed a single revision|ambiguous argument|pathspec`)
	noise        = lazy(`(?i)^(fatal|error|remote): *`)
)

func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// gitError picks the line that matters out of git's complaints.
func gitError(text string) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	message := ""
	for _, line := range lines {
		if strings.HasPrefix(line, "fatal:") || strings.HasPrefix(line, "error:") || message == "" {
			if message == "" || !strings.HasPrefix(message, "fatal:") {
				message = line
			}
		}
	}
	message = strings.TrimSpace(noise().ReplaceAllString(message, ""))
	switch {
	case noCommitText().MatchString(text):
		return errNoCommit
	case deniedText().MatchString(text):
		return &deniedError{message}
	}
	return errors.New(message)
}

func (s system) refs(ctx context.Context, url, token string, names []string) (map[string]string, error) {
	args := []string{"ls-remote", "--", url, "HEAD"}
	for _, n := range names {
		args = append(args, "refs/heads/"+n, "refs/tags/"+n, "refs/tags/"+n+"^{}")
	}
	out, err := s.run(ctx, token, "", args...)
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for _, line := range strings.Split(out, "\n") {
		if commit, ref, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			refs[ref] = commit
		}
	}
	return refs, nil
}

func (s system) checkout(ctx context.Context, url, token, commit string, whole bool, scratch, dir string) (string, error) {
	if _, err := s.run(ctx, "", "", "init", "--quiet", "--bare", "--template=", scratch); err != nil {
		return "", err
	}
	fetch := []string{"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"}
	var err error
	if !whole {
		_, err = s.run(ctx, token, scratch, append(fetch, "--depth=1", "--", url, commit)...)
	}
	if whole || errors.Is(err, errNoCommit) {
		// A shortened commit, or a server that gives no commit by its name: all of the history has to come.
		_, err = s.run(ctx, token, scratch, append(fetch, "--", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")...)
	}
	if err != nil {
		return "", err
	}
	full, err := s.run(ctx, "", scratch, "rev-parse", "--verify", "--quiet", "--end-of-options", commit+"^{commit}")
	if err != nil {
		return "", errNoCommit // --quiet says nothing, and there is nothing else to say
	}
	full = strings.TrimSpace(full)
	_, err = s.run(ctx, "", scratch, "-c", "core.bare=false", "-c", "core.autocrlf=false", "-c", "core.hooksPath="+filepath.Join(scratch, "none"),
		"-c", "advice.detachedHead=false", "--work-tree="+dir, "--git-dir="+scratch, "checkout", "--quiet", "--force", "--detach", full)
	return full, err
}
