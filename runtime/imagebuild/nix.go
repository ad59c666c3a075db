package imagebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// flakeFile is what makes a directory a flake.
const flakeFile = "flake.nix"

// logTail is how many of the last lines of nix an error keeps.
const logTail = 20

// nix is an installation of Nix.
type nix interface {
	// run runs nix with arguments, in which place stands for the build context.
	run(ctx context.Context, stdout, stderr io.Writer, args ...string) (exitCode int, err error)
	// place is where the build context is for it.
	place() string
	// flake makes a directory with a flake.nix of that text, which remove removes.
	flake(text string) (dir string, remove func(), err error)
	// image opens what nix built: the archive, or the output of a script that writes one (streamLayeredImage).
	image(ctx context.Context, out string) (io.ReadCloser, error)
}

// Nix builds an image from a flake and gives it to the engine under its name. Nix itself knows what was built before.
// Errors are *backends.Error wherever the kind is known, with the last lines of nix as Log.
func Nix(ctx context.Context, o Options, n *plan.NixBuildSpec) (backends.Image, error) {
	if n.ContextPath == "" {
		return backends.Image{}, backends.Errorf(backends.Invalid, "the build context %q of image %q is not on this machine", n.BuildContextDir, n.ImageName)
	}
	dir := path.Clean("/" + filepath.ToSlash(n.FlakeLocationDir))[1:]
	if _, err := os.Stat(filepath.Join(n.ContextPath, filepath.FromSlash(dir), flakeFile)); errors.Is(err, fs.ErrNotExist) {
		return backends.Image{}, backends.Errorf(backends.Invalid, "image %q cannot be built: there is no %s in %s", n.ImageName, flakeFile, path.Join(n.BuildContextDir, dir)).
			WithHint("flake_location_dir is the directory of %s, as seen from build_context_dir", flakeFile)
	} else if err != nil {
		return backends.Image{}, err
	}
	tool, err := o.nix(ctx, n)
	if err != nil {
		return backends.Image{}, err
	}
	at := tool.place()
	if dir != "" {
		remove := func() {}
		if at, remove, err = tool.flake(fmt.Sprintf(inDirectory, nixString(at), nixString(dir))); err != nil {
			return backends.Image{}, err
		}
		defer remove()
	}
	b := flakeBuild{Options: o, spec: n, tool: tool, flake: flakeURL(at)}
	out, err := b.build(ctx)
	if err != nil {
		return backends.Image{}, err
	}
	archive, err := tool.image(ctx, out)
	if err != nil {
		return backends.Image{}, backends.Errorf(backends.BuildFailed, "what nix built for image %q: %w", n.ImageName, err)
	}
	defer archive.Close()
	source := &source{Reader: archive}
	image, err := o.Backend.LoadImage(ctx, source, n.ImageName)
	switch {
	case err == nil || ctx.Err() != nil:
	case source.err != nil: // the engine saw no more than a connection that broke
		err = backends.Errorf(backends.BuildFailed, "what nix built for image %q: %w", n.ImageName, source.err)
	default:
		err = backends.Errorf(backends.BuildFailed, "what nix built for image %q is no image archive: %w", n.ImageName, err).
			WithHint("the output should be what dockerTools.buildImage, buildLayeredImage or streamLayeredImage give")
	}
	return image, err
}

// source remembers why it could not be read.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// inDirectory is a flake that is the one in a directory of a build context, all of which that one can use. A path: URL
// cannot say so in all versions of nix.
const inDirectory = `{
  inputs.context = { type = "path"; path = %s; dir = %s; };
  outputs = { self, context }: context.outputs;
}
`

func nixString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "\\${").Replace(s) + `"`
}

// flakeURL takes the directory as it is, whether or not it is in a git repository.
func flakeURL(dir string) string {
	return "path:" + (&url.URL{Path: filepath.ToSlash(dir)}).EscapedPath()
}

// flakeBuild is one build of a flake.
type flakeBuild struct {
	Options
	spec  *plan.NixBuildSpec
	tool  nix
	flake string
}

// build makes the output and returns its path in the store.
func (b *flakeBuild) build(ctx context.Context) (string, error) {
	installable := b.flake
	if b.spec.FlakeOutput != "" {
		installable += "#" + b.spec.FlakeOutput
	}
	b.Progress(Progress{Status: "nix build"})
	log := &lineLog{each: func(line string) { b.Progress(Progress{Status: "nix build", Line: line}) }}
	var stdout bytes.Buffer
	code, err := b.tool.run(ctx, &stdout, log, "build", "--no-link", "--json", "--print-build-logs", "--no-write-lock-file", installable)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", err
	case code != 0:
		return "", b.failed(ctx, log.lines)
	}
	var results []struct{ Outputs map[string]string }
	if err := json.Unmarshal(stdout.Bytes(), &results); err != nil || len(results) != 1 || results[0].Outputs["out"] == "" {
		return "", backends.Errorf(backends.BuildFailed, "nix built image %q, and does not say where it is: %q", b.spec.ImageName, stdout.String())
	}
	return results[0].Outputs["out"], nil
}

var noAttribute = regexp.MustCompile(`does not provide attribute .*?'(?:packages\.)([a-z0-9_]+-[a-z]+)\.`)

// failed explains why nix did not build.
func (b *flakeBuild) failed(ctx context.Context, lines []string) error {
	e := &backends.Error{Kind: backends.BuildFailed, Log: lines[max(0, len(lines)-logTail):]}
	text := strings.Join(lines, "\n")
	if m := noAttribute.FindStringSubmatch(text); m != nil {
		wanted := fmt.Sprintf("output %q", b.spec.FlakeOutput)
		if b.spec.FlakeOutput == "" {
			wanted = "default package"
		}
		e.Message = fmt.Sprintf("image %q cannot be built: the flake has no %s for %s", b.spec.ImageName, wanted, m[1])
		if names := b.outputs(ctx, m[1]); len(names) > 0 {
			e.Hint = "flake_output can be " + strings.Join(names, ", ")
		} else {
			e.Hint = "the flake has no packages for " + m[1]
		}
		e.Log = nil
		return e
	}
	reason := "nix fails"
	for _, line := range lines {
		if found, ok := strings.CutPrefix(strings.TrimSpace(line), "error: "); ok {
			reason = found
			break
		}
	}
	if strings.HasPrefix(reason, "unable to download") {
		e.Hint = "nix wants an input of the flake, or a substitute, from the network: an input that is a path in the build context needs none"
	}
	e.Message = fmt.Sprintf("nix cannot build image %q from %s: %s", b.spec.ImageName, path.Join(b.spec.BuildContextDir, b.spec.FlakeLocationDir), reason)
	return e
}

// outputs lists the packages that the flake has for a system; none where that cannot be found out either.
func (b *flakeBuild) outputs(ctx context.Context, system string) []string {
	var stdout bytes.Buffer
	code, err := b.tool.run(ctx, &stdout, io.Discard, "eval", "--json", "--no-write-lock-file", b.flake+"#packages."+system, "--apply", "builtins.attrNames")
	var names []string
	if err != nil || code != 0 || json.Unmarshal(stdout.Bytes(), &names) != nil {
		return nil
	}
	return names
}

// lineLog keeps lines and tells each when it is complete.
type lineLog struct {
	each  func(string)
	lines []string
	rest  []byte
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, after, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.rest = after
		text := plainText(string(line))
		l.lines = append(l.lines, text)
		l.each(text)
	}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

func plainText(s string) string { return colours.ReplaceAllString(strings.TrimRight(s, "\r"), "") }
