package docker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/docker/docker/api/types/build"

	"github.com/kurtosis-go/kurtosis/backends"
)

// buildTail is how many lines of a failed build its error keeps.
const buildTail = 20

// builderVariable chooses the builder: "classic", "buildkit", or whichever the engine has, BuildKit first.
const builderVariable = "KURTOSIS_BUILDER"

// builder carries out one build and says how it goes.
type builder interface {
	// message takes what the engine streams.
	message(m message)
	// failed is the step that failed, "" if that is not known, and its last lines.
	failed() (step string, tail []string)
}

// BuildImage builds with BuildKit where the engine has it, else with the classic builder.
func (b *Backend) BuildImage(ctx context.Context, spec backends.BuildSpec, progress func(backends.BuildProgress)) (backends.Image, error) {
	if progress == nil {
		progress = func(backends.BuildProgress) {}
	}
	doing := fmt.Sprintf("building image %q", spec.Tag)
	options := build.ImageBuildOptions{
		Tags: []string{spec.Tag}, Dockerfile: spec.Dockerfile, Target: spec.Target, BuildArgs: map[string]*string{},
		Labels: spec.Labels, Platform: spec.Platform, NoCache: spec.NoCache,
	}
	for k, v := range spec.Args {
		options.BuildArgs[k] = &v
	}
	var with builder
	switch choice := b.options.Getenv(builderVariable); choice {
	case "", "buildkit":
		session, err := b.openSession(ctx, spec.Logins)
		if err == nil {
			defer session.Close()
			options.Version, options.SessionID = build.BuilderBuildKit, session.ID()
			with = newBuildKit(progress)
			break
		}
		if choice != "" || ctx.Err() != nil {
			return backends.Image{}, b.wrap(ctx, err, doing+" with BuildKit")
		}
	case "classic":
	default:
		return backends.Image{}, backends.Errorf(backends.Invalid, "%s is %q", builderVariable, choice).WithHint("it can be buildkit or classic")
	}
	if with == nil {
		options.Version, options.Remove, options.ForceRemove = build.BuilderV1, true, true
		options.AuthConfigs = authConfigs(spec.Logins)
		with = &classic{progress: progress}
	}
	archive, err := spec.Context(ctx)
	if err != nil {
		return backends.Image{}, backends.Errorf(backends.BuildFailed, "%s: the build context: %w", doing, err)
	}
	defer archive.Close()
	response, err := b.client.ImageBuild(ctx, archive, options)
	if err == nil {
		defer response.Body.Close()
		err = readMessages(response.Body, with.message)
	}
	if err != nil {
		step, tail := with.failed()
		return backends.Image{}, buildError(ctx, err, doing, step, tail)
	}
	return b.InspectImage(ctx, spec.Tag)
}

// noise is what builders put before and around the reason of a failure.
var noise = []func() *regexp.Regexp{
	compiled(`^(failed to solve( with frontend [a-z0-9.]+)?: |failed to build LLB: |failed to process ".*?": |rpc error: code = \w+ desc = |executor failed running \[.*?\]: |runc did not terminate sucessfully: |runc did not terminate successfully: |process ".*?" did not complete successfully: )`),
}

// reasonOf takes the reason out of a builder's error.
func reasonOf(text string) string {
	for {
		before := text
		for _, n := range noise {
			text = n().ReplaceAllString(text, "")
		}
		if text == before {
			return text
		}
	}
}

func buildError(ctx context.Context, err error, doing, step string, tail []string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var typed *backends.Error
	if errors.As(err, &typed) {
		return err
	}
	reason := reasonOf(engineText(err))
	e := &backends.Error{Kind: backends.BuildFailed, Message: doing + ": " + reason, Log: tail, Step: step, Err: err}
	if step != "" {
		e.Message = fmt.Sprintf("%s: step %q: %s", doing, step, reason)
	}
	return e
}

// colours are what the classic builder marks a command's errors with.
var colours = compiled("\x1b\\[[0-9;]*m")

// classic is the builder that engines have had from the beginning.
type classic struct {
	progress func(backends.BuildProgress)
	step     string
	tail     []string
}

func (c *classic) message(m message) {
	for line := range strings.Lines(m.Stream) {
		if line = colours().ReplaceAllString(strings.TrimRight(line, "\r\n"), ""); line == "" {
			continue
		}
		if _, command, ok := strings.Cut(line, " : "); ok && strings.HasPrefix(line, "Step ") {
			c.step, c.tail = command, nil
		}
		c.tail = lastOf(append(c.tail, line))
		c.progress(backends.BuildProgress{Step: c.step, Line: line})
	}
}

func (c *classic) failed() (string, []string) { return c.step, c.tail }

func lastOf(lines []string) []string { return lines[max(0, len(lines)-buildTail):] }
