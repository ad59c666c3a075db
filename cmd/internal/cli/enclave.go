package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

func (a *app) enclaveCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "enclave", Short: "List, look at and remove enclaves"})
	cmd.AddCommand(a.enclaveListCommand(), a.enclaveInspectCommand(), a.enclaveRemoveCommand())
	return cmd
}

// enclaveDocument is an enclave as JSON.
type enclaveDocument struct {
	UUID       string    `json:"uuid"`
	Name       string    `json:"name"`
	Status     string    `json:"status"`
	Created    time.Time `json:"created"`
	Production bool      `json:"production"`
	Subnet     string    `json:"subnet,omitempty"`
}

func enclaveOf(e backends.Enclave) enclaveDocument {
	return enclaveDocument{e.UUID, e.Name, string(e.Status), e.Created, e.Production, e.Subnet}
}

func (a *app) enclaveListCommand() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "List the enclaves",
		Example: "  kurtosis enclave ls\n  kurtosis enclave ls -o json",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withEnclaves(cmd.Context(), func(e runtime.Enclaves) error {
				list, err := e.Backend.ListEnclaves(cmd.Context())
				if err != nil {
					return err
				}
				return a.listEnclaves(list, full)
			})
		},
	}
	cmd.Flags().BoolVar(&full, "full-uuids", false, "show UUIDs whole")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) listEnclaves(list []backends.Enclave, full bool) error {
	if a.output == formatJSON {
		docs := make([]enclaveDocument, len(list))
		for i, e := range list {
			docs[i] = enclaveOf(e)
		}
		a.printJSON(docs)
		return nil
	}
	table := ui.Table{Head: []string{"UUID", "Name", "Status", "Creation Time"}}
	for _, e := range list {
		table.Rows = append(table.Rows, []string{shown(e.UUID, full), e.Name, string(e.Status), e.Created.Local().Format(time.RFC1123)})
	}
	return table.Write(a.Out, a.outStyle())
}

// shown is a UUID as listings show it.
func shown(uuid string, full bool) string {
	if full {
		return uuid
	}
	return backends.ShortUUID(uuid)
}

// outStyle is the style of standard output.
func (a *app) outStyle() ui.Style { return ui.StyleOf(a.Out, os.Getenv) }

func (a *app) warn(message, hint string) {
	fmt.Fprintf(a.Err, "%s %s\n", a.style.Yellow("warning:"), message)
	if hint != "" {
		fmt.Fprintf(a.Err, "%s %s\n", a.style.Bold("hint:"), hint)
	}
}

func (a *app) enclaveInspectCommand() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use:               "inspect ENCLAVE",
		Short:             "Show an enclave's services, files artifacts and last run",
		Example:           "  kurtosis enclave inspect demo\n  kurtosis enclave inspect demo -o json",
		Args:              operands(1, "the enclave"),
		ValidArgsFunction: a.completeEnclaves,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withEnclave(cmd.Context(), args[0], func(e runtime.Enclaves, enclave backends.Enclave) error {
				return a.inspectEnclave(cmd.Context(), e, enclave, full)
			})
		},
	}
	cmd.Flags().BoolVar(&full, "full-uuids", false, "show UUIDs whole")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// inspectDocument is all that is known of an enclave, as JSON.
type inspectDocument struct {
	enclaveDocument
	Services  []serviceDocument  `json:"services"`
	Artifacts []artifactDocument `json:"files_artifacts"`
	LastRun   *state.Run         `json:"last_run,omitempty"`
	Holder    *state.Holder      `json:"in_use_by,omitempty"`
}

type serviceDocument struct {
	UUID     string       `json:"uuid"`
	Name     string       `json:"name"`
	Status   string       `json:"status"`
	Reason   string       `json:"reason,omitempty"`
	ExitCode *int         `json:"exit_code,omitempty"`
	Image    string       `json:"image"`
	Address  string       `json:"address"`
	Hostname string       `json:"hostname"`
	Ports    []event.Port `json:"ports"`
}

type artifactDocument struct {
	UUID  string `json:"uuid"`
	Name  string `json:"name"`
	Size  int64  `json:"size"`
	Files int    `json:"files"`
}

func serviceOf(s backends.Service) serviceDocument {
	doc := serviceDocument{
		UUID: s.UUID, Name: s.Name, Status: string(s.State), Reason: s.Reason, Image: s.Image,
		Address: s.Address, Hostname: s.Hostname, Ports: execute.Ports(s),
	}
	if s.State == backends.Stopped {
		doc.ExitCode = &s.ExitCode
	}
	return doc
}

func (a *app) inspectEnclave(ctx context.Context, e runtime.Enclaves, enclave backends.Enclave, full bool) error {
	services, err := e.Backend.ListServices(ctx, enclave.UUID)
	if err != nil {
		return err
	}
	store, err := a.remembered(e, enclave)
	if err != nil {
		return err
	}
	known := store.Enclave()
	doc := inspectDocument{enclaveDocument: enclaveOf(enclave), Services: []serviceDocument{}, Artifacts: []artifactDocument{}, LastRun: known.LastRun()}
	for _, s := range services {
		doc.Services = append(doc.Services, serviceOf(s))
	}
	for _, name := range slices.Sorted(maps.Keys(known.Artifacts)) {
		artifact := known.Artifacts[name]
		doc.Artifacts = append(doc.Artifacts, artifactDocument{artifact.UUID, artifact.Name, artifact.Size, artifact.Files})
	}
	if holder, held := store.Held(); held {
		doc.Holder = &holder
	}
	if a.output == formatJSON {
		a.printJSON(doc)
		return nil
	}
	return a.writeInspect(doc, full)
}

// sectionWidth is how wide the heads of inspect's sections are.
const sectionWidth = 100

func section(title string) string {
	left := (sectionWidth - len(title) - 2) / 2
	right := sectionWidth - len(title) - 2 - left
	return strings.Repeat("=", left) + " " + title + " " + strings.Repeat("=", right)
}

func (a *app) writeInspect(doc inspectDocument, full bool) error {
	style := a.outStyle()
	line := func(key, value string) { fmt.Fprintf(a.Out, "%-17s%s\n", key+":", value) }
	line("Name", doc.Name)
	line("UUID", shown(doc.UUID, full))
	line("Status", doc.Status)
	line("Creation Time", doc.Created.Local().Format(time.RFC1123))
	flags := ""
	if doc.Production {
		flags = "production"
	}
	line("Flags", flags)
	if said := lastRun(doc.LastRun, doc.Holder); said != "" {
		line("Last Run", strings.ReplaceAll(said, "\n", "\n"+strings.Repeat(" ", 17)))
	}
	fmt.Fprintf(a.Out, "\n%s\n", section("Files Artifacts"))
	artifacts := ui.Table{Head: []string{"UUID", "Name"}}
	for _, artifact := range doc.Artifacts {
		artifacts.Rows = append(artifacts.Rows, []string{shown(artifact.UUID, full), artifact.Name})
	}
	if err := artifacts.Write(a.Out, style); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n%s\n", section("User Services"))
	services := ui.Table{Head: []string{"UUID", "Name", "Ports", "Status"}}
	slices.SortFunc(doc.Services, func(a, b serviceDocument) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range doc.Services {
		services.Rows = append(services.Rows, []string{shown(s.UUID, full), s.Name, portLines(s.Ports), s.Status})
	}
	return services.Write(a.Out, style)
}

// portLines is a service's ports, a line each: "http: 80/tcp -> http://127.0.0.1:57335".
func portLines(ports []event.Port) string {
	lines := make([]string, len(ports))
	for i, p := range ports {
		text := fmt.Sprintf("%s: %d/%s", p.ID, p.Number, strings.ToLower(p.Transport))
		if p.Public != "" {
			public := p.Public
			if p.Application != "" {
				public = p.Application + "://" + public
			}
			text += " -> " + public
		}
		lines[i] = text
	}
	if len(lines) == 0 {
		return "<none>"
	}
	return strings.Join(lines, "\n")
}

// lastRun explains a run that did not succeed, or that goes on; the others need no word.
func lastRun(run *state.Run, holder *state.Holder) string {
	switch {
	case run == nil || run.Status == state.RunSucceeded && holder == nil:
		return ""
	case holder != nil:
		said := "going on: " + holder.String()
		if run.Status == state.RunRunning {
			said += fmt.Sprintf("\n%d of %d steps done%s", run.Executed+run.Skipped, run.Total, at(run.Current))
		}
		return said
	case run.Status == state.RunRunning:
		return fmt.Sprintf("killed at %s\n%d of %d steps were done%s\nrun the package again to go on from there",
			run.Started.Local().Format(time.RFC1123), run.Executed+run.Skipped, run.Total, at(run.Current))
	}
	said := string(run.Status)
	if !run.Ended.IsZero() {
		said += " at " + run.Ended.Local().Format(time.RFC1123)
	}
	said += fmt.Sprintf("\n%d of %d steps were done", run.Executed+run.Skipped, run.Total)
	if run.Error != "" {
		said += "\n" + run.Error
	}
	return said
}

func at(current []string) string {
	if len(current) == 0 {
		return ""
	}
	return ", the last one begun is " + strings.Join(current, ", ")
}

func (a *app) enclaveRemoveCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:               "rm ENCLAVE...",
		Short:             "Remove enclaves with all that is in them",
		Example:           "  kurtosis enclave rm demo\n  kurtosis enclave rm -f demo other",
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeEnclaves,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{"the enclave is missing", "usage: " + cmd.UseLine()}
			}
			ctx := cmd.Context()
			return a.withEnclaves(ctx, func(e runtime.Enclaves) error {
				var list []backends.Enclave
				for _, identifier := range args { // all of them exist before any is removed
					enclave, err := e.Backend.InspectEnclave(ctx, identifier)
					if err != nil {
						return err
					}
					list = append(list, enclave)
				}
				for _, enclave := range list {
					if enclave.Status == backends.EnclaveRunning && !force {
						question := fmt.Sprintf("enclave '%s' has running services", enclave.Name)
						if err := a.confirm(question, "remove it?"); err != nil {
							return err
						}
					}
					if err := e.Remove(ctx, enclave, force); err != nil {
						return err
					}
					fmt.Fprintln(a.Out, enclave.Name)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "remove them also while services run in them")
	return cmd
}

// confirm asks a person; where nobody can answer it refuses.
func (a *app) confirm(fact, question string) error {
	in, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return &faultError{fact, "-f does it all the same"}
	}
	fmt.Fprintf(a.Err, "%s; %s [y/N] ", fact, question)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return &faultError{"nothing was removed", ""}
	}
	return nil
}
