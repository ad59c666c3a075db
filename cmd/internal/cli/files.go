package cli

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

func (a *app) filesCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "files", Short: "Make files artifacts, look into them, and download them"})
	cmd.AddCommand(a.filesUploadCommand(), a.filesDownloadCommand(), a.filesInspectCommand(), a.filesStoreWebCommand(), a.filesStoreServiceCommand(),
		a.filesRenderCommand())
	return cmd
}

// missing puts what can be done into an error that says that something is not there.
func missing(err error, hint string) error {
	if backends.KindOf(err) == backends.NotFound && hintOf(err) == "" {
		return &faultError{err.Error(), hint}
	}
	return err
}

func artifactsHint(enclave client.EnclaveInfo) string {
	return fmt.Sprintf("'kurtosis enclave inspect %s' lists them", enclave.Name)
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
			return a.withEnclave(ctx, args[0], func(_ *session, found client.EnclaveInfo, e *client.Enclave) (err error) {
				artifact, archive, err := e.Download(ctx, args[1], "")
				if err != nil {
					return missing(err, artifactsHint(found))
				}
				defer func() { err = errors.Join(err, archive.Close()) }()
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
			ctx := cmd.Context()
			return a.withEnclave(ctx, args[0], func(_ *session, found client.EnclaveInfo, e *client.Enclave) error {
				if len(args) > 2 {
					return missing(a.printFile(ctx, e, args[1], args[2]), "without FILE its files are listed")
				}
				return missing(a.listFiles(ctx, e, args[1]), artifactsHint(found))
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

func (a *app) listFiles(ctx context.Context, e *client.Enclave, artifact string) error {
	_, files, err := e.ListFiles(ctx, artifact)
	if err != nil {
		return err
	}
	docs := []fileDocument{}
	for _, f := range files {
		docs = append(docs, fileDocument{Path: f.Path, Type: f.Type, Size: f.Size, Mode: fmt.Sprintf("%#o", f.Mode), Link: f.Link})
	}
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

func (a *app) printFile(ctx context.Context, e *client.Enclave, artifact, name string) (err error) {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	_, content, err := e.Download(ctx, artifact, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if a.output == formatJSON {
		text, err := io.ReadAll(content)
		if err == nil {
			a.printJSON(map[string]string{"path": name, "content": string(text)})
		}
		return err
	}
	_, err = io.Copy(a.Out, content)
	return err
}
