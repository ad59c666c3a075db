package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

// lastLines is how much of the log of a container that did not start is shown.
const lastLines = 20

// AwaitReady returns when a container of ours says that it answers, in what it wrote since a time (the zero time for
// one that is new). One that ends before is an error with its log.
func AwaitReady(ctx context.Context, systems backends.Systems, s backends.System, since time.Time) error {
	var log []string
	for line, err := range systems.SystemLogs(ctx, s.ID, backends.LogOptions{Follow: true, Since: since}) {
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", s.Name, err)
		}
		if strings.HasPrefix(line.Text, backends.SystemReady) {
			return nil
		}
		if log = append(log, line.Text); len(log) > lastLines {
			log = log[1:]
		}
		// It is restarted whenever it ends: an error is said again and again, and once is enough.
		if strings.HasPrefix(line.Text, failedPrefix) {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	text := "it says nothing"
	if len(log) > 0 {
		text = strings.Join(log, "; ")
	}
	return errors.New(s.Name + " does not start: " + text)
}

// failedPrefix begins the errors of the command.
const failedPrefix = "kurtosis: "
