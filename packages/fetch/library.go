package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	gittransport "github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// library speaks git without a git program.
type library struct{}

func auth(token string) gittransport.AuthMethod {
	if token == "" {
		return nil
	}
	return &http.BasicAuth{Username: "x-access-token", Password: token}
}

func libraryError(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, git.NoErrAlreadyUpToDate):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, gittransport.ErrAuthenticationRequired), errors.Is(err, gittransport.ErrAuthorizationFailed),
		errors.Is(err, gittransport.ErrRepositoryNotFound), errors.Is(err, gittransport.ErrInvalidAuthMethod):
		return &deniedError{err.Error()}
	case errors.Is(err, plumbing.ErrReferenceNotFound), errors.Is(err, plumbing.ErrObjectNotFound), errors.Is(err, git.NoMatchingRefSpecError{}),
		strings.Contains(err.Error(), "not our ref"), strings.Contains(err.Error(), "exact SHA1"):
		return errNoCommit
	}
	return err
}

func (library) refs(ctx context.Context, url, token string, names []string) (map[string]string, error) {
	remote := git.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: "origin", URLs: []string{url}})
	list, err := remote.ListContext(ctx, &git.ListOptions{Auth: auth(token), PeelingOption: git.AppendPeeled})
	if errors.Is(err, gittransport.ErrEmptyRemoteRepository) {
		return map[string]string{}, nil
	}
	if err := libraryError(ctx, err); err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for _, r := range list {
		if r.Type() == plumbing.HashReference {
			refs[r.Name().String()] = r.Hash().String()
		}
	}
	for _, r := range list {
		if r.Type() == plumbing.SymbolicReference {
			if commit := refs[r.Target().String()]; commit != "" {
				refs[r.Name().String()] = commit
			}
		}
	}
	return refs, nil
}

func (library) checkout(ctx context.Context, url, token, commit string, whole bool, scratch, dir string) (string, error) {
	storage := filesystem.NewStorage(osfs.New(scratch), cache.NewObjectLRUDefault())
	repository, err := git.Init(storage, osfs.New(dir, osfs.WithBoundOS()))
	if err != nil {
		return "", err
	}
	remote, err := repository.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{url}})
	if err != nil {
		return "", err
	}
	fetch := func(depth int, specs ...config.RefSpec) error {
		return libraryError(ctx, remote.FetchContext(ctx, &git.FetchOptions{
			RemoteName: "origin", Auth: auth(token), Depth: depth, Tags: git.NoTags, Force: true, RefSpecs: specs,
		}))
	}
	if !whole {
		err = fetch(1, config.RefSpec(commit+":refs/heads/wanted"))
	}
	if whole || errors.Is(err, errNoCommit) {
		err = fetch(0, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
	}
	if err != nil {
		return "", err
	}
	hash, err := repository.ResolveRevision(plumbing.Revision(commit))
	if err != nil {
		return "", errNoCommit
	}
	if _, err := repository.CommitObject(*hash); err != nil {
		return "", errNoCommit
	}
	tree, err := repository.Worktree()
	if err != nil {
		return "", err
	}
	if err := tree.Checkout(&git.CheckoutOptions{Hash: *hash, Force: true}); err != nil {
		return "", fmt.Errorf("can't write %s: %w", filepath.Base(dir), err)
	}
	// Init leaves a file there that points to scratch, which is about to go.
	if err := os.Remove(filepath.Join(dir, ".git")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return hash.String(), ctx.Err()
}
