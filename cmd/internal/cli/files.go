package cli

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

func (a *app) filesCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "files", Short: "Look into files artifacts, and download them"})
	cmd.AddCommand(a.filesDownloadCommand(), a.filesInspectCommand())
	return cmd
}

// withArtifact opens a files artifact of an enclave.
func (a *app) withArtifact(ctx context.Context, enclave, name string, do func(state.Artifact, io.Reader) error) error {
	return a.withEnclave(ctx, enclave, func(e runtime.Enclaves, enclave backends.Enclave) error {
		store, err := a.remembered(e, enclave)
		if err != nil {
			return err
		}
		artifact, archive, err := store.Artifact(name)
		if errors.Is(err, fs.ErrNotExist) && archive == nil {
			return &faultError{
				fmt.Sprintf("enclave '%s' has no files artifact '%s'", enclave.Name, name),
				fmt.Sprintf("'kurtosis enclave inspect %s' lists them", enclave.Name),
			}
		} else if err != nil {
			return err
		}
		return errors.Join(do(artifact, archive), archive.Close())
	})
}

func (a *app) filesDownloadCommand() *cobra.Command {
	var packed bool
	cmd := &cobra.Command{
		Use:   "download ENCLAVE ARTIFACT [DIRECTORY]",
		Short: "Download a files artifact",
		Long: `Download a files artifact into DIRECTORY, which is made if missing. Without one it is a directory of the
artifact's name, here. With --no-extract an archive, <artifact>.tgz, is written there instead.`,
		Example: `  kurtosis files download demo config
  kurtosis files download demo config ./out --no-extract`,
		Args:              operands(2, "the enclave", "the files artifact", "the directory"),
		ValidArgsFunction: a.completeArtifacts,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withArtifact(ctx, args[0], args[1], func(artifact state.Artifact, archive io.Reader) error {
				to := artifact.Name
				if packed {
					to = "."
				}
				if len(args) > 2 {
					to = args[2]
				}
				if packed {
					to = filepath.Join(to, artifact.Name+".tgz")
					if err := writePacked(to, archive); err != nil {
						return err
					}
				} else if err := state.Extract(ctx, archive, to); err != nil {
					return err
				}
				if a.output == formatJSON {
					a.printJSON(map[string]string{"path": to})
				} else {
					fmt.Fprintln(a.Out, to)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&packed, "no-extract", false, "write an archive")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// writePacked writes an archive, whole or not at all.
func writePacked(to string, archive io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".download-*")
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	_, err = io.Copy(z, archive)
	if err = errors.Join(err, z.Close(), f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (a *app) filesInspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect ENCLAVE ARTIFACT [FILE]",
		Short: "List the files of a files artifact, or print one",
		Example: `  kurtosis files inspect demo config
  kurtosis files inspect demo config nginx.conf`,
		Args:              operands(2, "the enclave", "the files artifact", "the file"),
		ValidArgsFunction: a.completeArtifacts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withArtifact(cmd.Context(), args[0], args[1], func(_ state.Artifact, archive io.Reader) error {
				if len(args) > 2 {
					return a.printFile(args[1], args[2], archive)
				}
				return a.listFiles(archive)
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

type fileDocument struct {
	Path string `json:"path"`
	Type string `json:"type"` // file, directory, link
	Size int64  `json:"size"`
	Mode string `json:"mode"`
	Link string `json:"link,omitempty"`
}

func (a *app) listFiles(archive io.Reader) error {
	docs := []fileDocument{}
	for m, err := range state.Members(archive) {
		if err != nil {
			return err
		}
		doc := fileDocument{Path: m.Name, Type: "file", Size: m.Size, Mode: fmt.Sprintf("%#o", m.Mode.Perm()), Link: m.Link}
		switch {
		case m.Mode.IsDir():
			doc.Type = "directory"
		case m.Link != "":
			doc.Type = "link"
		}
		docs = append(docs, doc)
	}
	slices.SortFunc(docs, func(a, b fileDocument) int { return strings.Compare(a.Path, b.Path) })
	if a.output == formatJSON {
		a.printJSON(docs)
		return nil
	}
	for _, d := range docs {
		text := d.Path
		if d.Link != "" {
			text += " -> " + d.Link
		}
		fmt.Fprintln(a.Out, text)
	}
	return nil
}

func (a *app) printFile(artifact, name string, archive io.Reader) error {
	want := strings.TrimPrefix(path.Clean("/"+name), "/")
	for m, err := range state.Members(archive) {
		if err != nil {
			return err
		}
		if m.Name != want || !m.Mode.IsRegular() {
			continue
		}
		if a.output == formatJSON {
			text, err := io.ReadAll(m.Body)
			if err == nil {
				a.printJSON(map[string]string{"path": m.Name, "content": string(text)})
			}
			return err
		}
		_, err := io.Copy(a.Out, m.Body)
		return err
	}
	return &faultError{fmt.Sprintf("files artifact '%s' has no file '%s'", artifact, name), "without FILE its files are listed"}
}
