package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
)

// keep takes over from an engine that is replaced what neither flags nor the environment say: where it listens, its
// tokens, and how it was to work. Tokens come from the container's own environment, which who controls the container
// engine may see anyway; they are in no label and in no file.
func (f *engineFlags) keep(ctx context.Context, b engine.Backend, s backends.System, flags *pflag.FlagSet) error {
	was, err := b.SystemSettings(ctx, s.ID)
	if err != nil {
		return err
	}
	if !flags.Changed("port") && s.Published.Number != 0 {
		f.port = s.Published.Number
	}
	if f.token == "" {
		f.token = was.Env[engine.TokenVariable]
	}
	if f.secret = was.Env[tlsVariable]; f.secret != "" && !flags.Changed("tls") {
		f.tls = true
	}
	if f.github == "" {
		f.github = was.Env["KURTOSIS_GITHUB_TOKEN"]
	}
	var origins []string
	for i, word := range was.Command {
		if i+1 == len(was.Command) {
			break
		}
		value := was.Command[i+1]
		switch name := strings.TrimPrefix(word, "--"); {
		case word == name || flags.Changed(name):
		case name == "publish" && !flags.Changed("listen"):
			f.listen = value
		case name == "origin":
			origins = append(origins, value)
		case name == "log-retention-period":
			if d, err := time.ParseDuration(value); err == nil {
				f.retention = d
			}
		}
	}
	if origins != nil {
		f.origins = origins
	}
	return nil
}
