package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"
)

// settings are what the configuration file says. It may hold keys of the reference that mean nothing here.
type settings struct {
	AllowPrivileged bool                       `yaml:"allow-privileged-mode"`
	Clusters        map[string]clusterSettings `yaml:"kurtosis-clusters"`
	Engine          string                     `yaml:"engine"` // the engine that commands talk to, "" is the default one
}

// configPath is kurtosis-config.yml in the user's configuration directory.
func configPath() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &faultError{"there is no place for the configuration: " + err.Error(), "set XDG_CONFIG_HOME"}
	}
	return filepath.Join(dir, "kurtosis", "kurtosis-config.yml"), nil
}

// readSettings reads the configuration file; one that is not there says nothing.
func readSettings() (settings, error) {
	file, err := configPath()
	if err != nil {
		return settings{}, nil // no home, no file
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return settings{}, nil
	}
	if err != nil {
		return settings{}, &faultError{fmt.Sprintf("can't read the configuration: %s", err), ""}
	}
	var s settings
	if err := yaml.Unmarshal(text, &s); err != nil {
		return settings{}, &faultError{fmt.Sprintf("the configuration '%s' is wrong: %s", file, err), ""}
	}
	return s, nil
}

func (a *app) configCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{
		Use:   "config",
		Short: "Where the configuration is",
	})
	cmd.AddCommand(&cobra.Command{
		Use:     "path",
		Short:   "Print the path of the configuration file",
		Long:    "Print the path of the configuration file. It need not exist. The keys that count are allow-privileged-mode: true, and engine, the name of the engine that commands talk to.",
		Example: "  kurtosis config path",
		Args:    operands(0),
		RunE: func(*cobra.Command, []string) error {
			file, err := configPath()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Out, file)
			return err
		},
	})
	return cmd
}
