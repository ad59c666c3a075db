// Package imagebuild gets the images of a plan: the engine's own, a registry's, and those that are made of source, from a
// Dockerfile by the engine's builder or from a Nix flake. What was built from the same files before is not built again.
package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/dockerfile"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Options say where images are built, and who hears of it.
type Options struct {
	Backend backends.Backend
	// Update asks registries for newer versions, of images and of those that Dockerfiles start from.
	Update bool
	// Progress is told what is downloaded, and lines of a build's log; not nil.
	Progress func(Progress)
	Warn     func(message, hint string) // where not nil, is told why the engine's own copy serves instead of a newer one
	Getenv   func(string) string        // nil is the process's
	// Built, where not nil, says that Backend builds no images, and has those that were built elsewhere for it, by their Key.
	Built map[string]Built
}

// Progress is a moment of a download or of a build.
type Progress struct {
	Status         string // the step, e.g. "RUN make"
	Line           string // of the log; "" where it is about bytes
	Current, Total int64  // bytes of an image that the build starts from
}

// Dockerfile builds an image unless the engine has it, built from the same files and arguments on top of the same images.
// built says whether it did. Errors are *backends.Error wherever the kind is known, with the build's last lines as Log.
func Dockerfile(ctx context.Context, o Options, b *plan.ImageBuildSpec) (image backends.Image, built bool, err error) {
	w, err := read(b)
	if err != nil {
		return backends.Image{}, false, err
	}
	if w.content, err = w.digest(ctx); err != nil {
		return backends.Image{}, false, err
	}
	if !o.Update {
		if image, ok, err := w.present(ctx, o.Backend); err != nil || ok {
			return image, false, err
		}
	}
	bases, err := w.pullBases(ctx, o)
	if err != nil {
		return backends.Image{}, false, err
	}
	if o.Update {
		if image, ok, err := w.present(ctx, o.Backend); err != nil || ok {
			return image, false, err
		}
	}
	spec := backends.BuildSpec{
		Tag: b.ImageName, Dockerfile: w.name, Target: b.TargetStage, Args: w.args, Context: w.archive,
		Labels: map[string]string{backends.LabelBuildContent: w.content, backends.LabelBuildBases: strings.Join(bases, " ")},
	}
	image, err = o.Backend.BuildImage(ctx, spec, func(p backends.BuildProgress) { o.Progress(Progress{Status: p.Step, Line: p.Line}) })
	return image, err == nil, w.explain(err)
}

// work is one build from a Dockerfile.
type work struct {
	*plan.ImageBuildSpec
	name    string // of the Dockerfile, in the context, with slashes
	file    *dockerfile.File
	args    map[string]string
	content string // digest of what it is built from, images apart
}

// read finds what can be wrong before an engine is asked.
func read(b *plan.ImageBuildSpec) (*work, error) {
	if b.ContextPath == "" {
		return nil, backends.Errorf(backends.Invalid, "the build context %q of image %q is not on this machine", b.BuildContextDir, b.ImageName)
	}
	w := &work{ImageBuildSpec: b, name: filepath.ToSlash(b.BuildFile), args: map[string]string{}}
	if w.name == "" {
		w.name = dockerfile.DefaultName
	}
	for k, v := range b.BuildArgs.All() {
		w.args[k] = v
	}
	text, err := os.ReadFile(filepath.Join(b.ContextPath, filepath.FromSlash(w.name)))
	if errors.Is(err, fs.ErrNotExist) {
		e := backends.Errorf(backends.Invalid, "image %q cannot be built: there is no %s in %s", b.ImageName, w.name, b.BuildContextDir)
		if b.BuildFile == "" {
			return nil, e.WithHint("build_file names it where it is called otherwise")
		}
		return nil, e.WithHint("build_file is a path within the build context")
	} else if err != nil {
		return nil, err
	}
	if w.file, err = dockerfile.Parse(text); err != nil {
		return nil, backends.Errorf(backends.Invalid, "image %q cannot be built: %s: %w", b.ImageName, w.name, err)
	}
	if b.TargetStage != "" {
		if _, ok := w.file.Stage(b.TargetStage); !ok {
			e := backends.Errorf(backends.Invalid, "image %q cannot be built: %s has no stage %q", b.ImageName, w.name, b.TargetStage)
			if names := w.file.StageNames(); len(names) > 0 {
				return nil, e.WithHint("its stages are %s", strings.Join(names, ", "))
			}
			return nil, e.WithHint("its stages have no names: FROM image AS name gives one")
		}
	}
	return w, nil
}

// present finds the image that an earlier build made of the same content. The images below it count where the engine
// still has them: one that is gone has not changed.
func (w *work) present(ctx context.Context, engine backends.Images) (backends.Image, bool, error) {
	image, err := engine.InspectImage(ctx, w.ImageName)
	if backends.KindOf(err) == backends.ImageNotFound {
		return image, false, nil
	} else if err != nil {
		return image, false, err
	}
	if image.Labels[backends.LabelBuildContent] != w.content {
		return image, false, nil
	}
	for base := range strings.FieldsSeq(image.Labels[backends.LabelBuildBases]) {
		ref, id, _ := strings.Cut(base, "=")
		now, err := engine.InspectImage(ctx, ref)
		if backends.KindOf(err) == backends.ImageNotFound {
			continue
		} else if err != nil {
			return image, false, err
		}
		if now.ID != id {
			return image, false, nil
		}
	}
	return image, true, nil
}

// pullBases gets the images that the build starts from, and returns them as reference=id. Builders would get them as well,
// but not all of them with the user's credentials, nor with bytes to show.
func (w *work) pullBases(ctx context.Context, o Options) ([]string, error) {
	var list []string
	for _, ref := range w.file.Images(w.TargetStage, w.args) {
		base, _, err := o.fetch(ctx, backends.PullSpec{Ref: ref}, "downloading "+ref)
		if err != nil {
			return nil, w.about(err, fmt.Sprintf("image %q cannot be built: it starts from %s: ", w.ImageName, ref))
		}
		list = append(list, ref+"="+base.ID)
	}
	slices.Sort(list)
	return list, nil
}

// about puts a beginning before the message of an error, of which it keeps the rest.
func (w *work) about(err error, beginning string) error {
	var e *backends.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s%w", beginning, err)
	}
	c := *e
	c.Message, c.Err = beginning+e.Message, err
	return &c
}

// explain adds the line of the Dockerfile to a failed build, and what to do about a `# syntax=` that cannot be had.
func (w *work) explain(err error) error {
	var e *backends.Error
	if !errors.As(err, &e) || e.Kind != backends.BuildFailed {
		return err
	}
	c := *e
	if n := w.file.Line(e.Step); n > 0 {
		c.Message = fmt.Sprintf("%s (%s:%d)", e.Message, w.name, n)
	} else if w.file.Syntax != "" && (strings.Contains(e.Step, w.file.Syntax) || e.Step == "" && strings.Contains(e.Message, strings.Split(w.file.Syntax, ":")[0])) {
		reason := e.Message
		if _, after, ok := strings.Cut(reason, fmt.Sprintf("step %q: ", e.Step)); ok {
			reason = after
		}
		c.Message = fmt.Sprintf("image %q cannot be built: %s:%d wants %s from its registry to read the rest, and it cannot be had: %s",
			w.ImageName, w.name, w.file.SyntaxLine, w.file.Syntax, reason)
		c.Hint = "without the line `# syntax=…` the engine reads the file by itself; so does KURTOSIS_BUILDER=classic"
	}
	c.Err = err
	return &c
}
