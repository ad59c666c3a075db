package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/registry"

	"github.com/kurtosis-go/kurtosis/backends"
)

// config is what we read of `docker`'s config.json.
type config struct {
	CurrentContext string                `json:"currentContext"`
	Auths          map[string]authConfig `json:"auths"`
	CredsStore     string                `json:"credsStore"`
	CredHelpers    map[string]string     `json:"credHelpers"`
}

type authConfig struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
}

// readConfig reads config.json; none is an empty one.
func readConfig(dir string) (config, error) {
	path := filepath.Join(dir, "config.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, nil
	} else if err != nil {
		return config{}, backends.Errorf(backends.Invalid, "Docker's configuration cannot be read: %w", err)
	}
	var c config
	if err := json.Unmarshal(b, &c); err != nil {
		return config{}, backends.Errorf(backends.Invalid, "Docker's configuration %s cannot be read: %w", path, err)
	}
	return c, nil
}

// dockerHub is how config.json calls the registry that references call docker.io.
const dockerHub = "https://index.docker.io/v1/"

// storedAuth finds what `docker login` stored for a registry; nil if nothing.
func (b *Backend) storedAuth(ctx context.Context, domain string) (*backends.RegistryAuth, error) {
	c, err := readConfig(configDir(b.options.Getenv, b.options.Home))
	if err != nil {
		return nil, err
	}
	return c.stored(ctx, domain)
}

// Logins are what `docker login` stored on this machine, for an engine elsewhere. Home and Getenv of options count.
type Logins struct{ config config }

// OpenLogins reads Docker's configuration.
func OpenLogins(options Options) (Logins, error) {
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	if options.Home == "" {
		options.Home, _ = os.UserHomeDir() // without one, nothing is looked for there
	}
	c, err := readConfig(configDir(options.Getenv, options.Home))
	return Logins{c}, err
}

// Any says whether anything may be stored: without, nobody needs to find out which images there are.
func (l Logins) Any() bool {
	return len(l.config.Auths) > 0 || l.config.CredsStore != "" || len(l.config.CredHelpers) > 0
}

// For finds the logins for images, one for each registry that has one. Credential helpers are asked.
func (l Logins) For(ctx context.Context, images []string) ([]backends.RegistryAuth, error) {
	var found []backends.RegistryAuth
	seen := map[string]bool{}
	for _, image := range images {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			continue // the engine says so, where it is needed
		}
		domain := reference.Domain(named)
		if seen[domain] {
			continue
		}
		seen[domain] = true
		auth, err := l.config.stored(ctx, domain)
		if err != nil {
			return nil, err
		}
		if auth != nil {
			auth.Registry = domain
			found = append(found, *auth)
		}
	}
	return found, nil
}

func (c config) stored(ctx context.Context, domain string) (*backends.RegistryAuth, error) {
	names := []string{domain, "https://" + domain, "http://" + domain, "https://" + domain + "/v1/", "https://" + domain + "/v2/"}
	if domain == "docker.io" {
		names = []string{dockerHub, "docker.io", "index.docker.io"}
	}
	for _, name := range names {
		helper := c.CredHelpers[name]
		if helper == "" {
			helper = c.CredsStore
		}
		if helper != "" {
			auth, err := askHelper(ctx, helper, name)
			if auth != nil || err != nil {
				return auth, err
			}
		}
		if stored, ok := c.Auths[name]; ok {
			if auth := stored.decode(name); auth != nil {
				return auth, nil
			}
		}
	}
	return nil, nil
}

func (a authConfig) decode(registry string) *backends.RegistryAuth {
	user, password := a.Username, a.Password
	if a.Auth != "" {
		if plain, err := base64.StdEncoding.DecodeString(a.Auth); err == nil {
			user, password, _ = strings.Cut(strings.TrimRight(string(plain), "\x00"), ":")
		}
	}
	if a.IdentityToken != "" {
		user, password = backends.TokenUser, a.IdentityToken
	}
	if user == "" {
		return nil
	}
	return &backends.RegistryAuth{Registry: registry, Username: user, Password: password}
}

// askHelper runs docker-credential-NAME; nil if it knows nothing of the registry.
func askHelper(ctx context.Context, helper, registry string) (*backends.RegistryAuth, error) {
	cmd := exec.CommandContext(ctx, "docker-credential-"+helper, "get")
	cmd.Stdin = strings.NewReader(registry)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(out.String() + complaint.String())
		if strings.Contains(text, "credentials not found") {
			return nil, nil
		}
		var missing *exec.Error
		if errors.As(err, &missing) {
			return nil, backends.Errorf(backends.AuthNeeded, "the credential helper docker-credential-%s of Docker's configuration cannot be run: %w", helper, missing.Err).
				WithHint("install it, or remove it from config.json")
		}
		return nil, backends.Errorf(backends.AuthNeeded, "the credential helper docker-credential-%s failed for %s: %s", helper, registry, text)
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return nil, backends.Errorf(backends.AuthNeeded, "the credential helper docker-credential-%s answers something that is not JSON", helper)
	}
	if answer.Username == "" {
		return nil, nil
	}
	return &backends.RegistryAuth{Registry: registry, Username: answer.Username, Password: answer.Secret}, nil
}

// encodeAuth is the header the engine wants.
func encodeAuth(a backends.RegistryAuth, domain string) (string, error) {
	header, err := registry.EncodeAuthConfig(authConfigOf(a, domain))
	if err != nil {
		return "", fmt.Errorf("encoding the registry's credentials: %w", err)
	}
	return header, nil
}

func authConfigOf(a backends.RegistryAuth, domain string) registry.AuthConfig {
	c := registry.AuthConfig{Username: a.Username, Password: a.Password, ServerAddress: cmp.Or(a.Registry, domain)}
	if a.Username == backends.TokenUser {
		c.Username, c.Password, c.IdentityToken = "", "", a.Password
	}
	return c
}

// authConfigs are logins as the classic builder looks them up.
func authConfigs(logins []backends.RegistryAuth) map[string]registry.AuthConfig {
	out := map[string]registry.AuthConfig{}
	for _, a := range logins {
		name := a.Domain()
		if name == "docker.io" {
			name = dockerHub
		}
		out[name] = authConfigOf(a, name)
	}
	return out
}
