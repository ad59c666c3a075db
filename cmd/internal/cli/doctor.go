package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/engine"
)

// finding is one thing that the doctor looked at.
type finding struct {
	Check   string `json:"check"`
	Status  string `json:"status"` // ok, problem, or note: nothing that could be mended
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

type leftoverDocument struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Enclave string `json:"enclave_uuid,omitempty"`
	Removed bool   `json:"removed"`
}

type doctorDocument struct {
	OK        bool               `json:"ok"`
	Checks    []finding          `json:"checks"`
	Leftovers []leftoverDocument `json:"leftovers"`
}

func (a *app) doctorCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with Docker, the engine and the enclaves of this machine",
		Long: `Say what is wrong with Docker, the engine and the enclaves of this machine.

Containers, networks and volumes that belong to no enclave, as work that was broken off may leave them, are offered for
removal; on a cluster namespaces that do not go away, and rights of engines that are gone. The exit status is 1 when something is
wrong that was not mended.`,
		Example: "  kurtosis doctor\n  kurtosis doctor -f         remove what is left over, without asking\n  kurtosis doctor -o json",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{app: a, doc: doctorDocument{OK: true, Checks: []finding{}, Leftovers: []leftoverDocument{}}}
			d.examine(cmd.Context(), force)
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			if a.output == formatJSON {
				a.printJSON(d.doc)
			}
			if !d.doc.OK {
				return &shownError{statusFault}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "remove what is left over, without asking")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// doctor is one examination.
type doctor struct {
	*app
	doc doctorDocument
}

func (d *doctor) ok(check, format string, args ...any) {
	d.say(finding{Check: check, Status: "ok", Message: fmt.Sprintf(format, args...)})
}

func (d *doctor) problem(check string, err error) {
	d.doc.OK = false
	d.say(finding{Check: check, Status: "problem", Message: err.Error(), Hint: hintOf(err)})
}

func (d *doctor) say(f finding) {
	d.doc.Checks = append(d.doc.Checks, f)
	if d.output == formatJSON {
		return
	}
	style := d.outStyle()
	mark := map[string]string{"ok": style.Green("ok     "), "note": style.Yellow("note   "), "problem": style.Red("problem")}[f.Status]
	fmt.Fprintf(d.Out, "%s  %s: %s\n", mark, f.Check, f.Message)
	if f.Hint != "" {
		fmt.Fprintf(d.Out, "         %s %s\n", style.Bold("hint:"), f.Hint)
	}
}

func (d *doctor) examine(ctx context.Context, force bool) {
	if file, err := configPath(); err == nil {
		if _, err := readSettings(); err != nil {
			d.problem("configuration", err)
		} else if _, err := os.Stat(file); err == nil {
			d.ok("configuration", "%s", file)
		}
	}
	var asked error
	err := d.withSystems(ctx, func(b engine.Backend) error {
		info, err := b.Info(ctx)
		if err != nil {
			return err
		}
		d.ok("containers", "%s %s at %s (%s)", info.Name, info.Version, info.Endpoint, info.Platform)
		d.disk(ctx, b)
		d.engine(ctx, b)
		d.strangers(ctx, b)
		asked = d.leftovers(ctx, b, force)
		return nil
	})
	if err != nil {
		d.problem("containers", err)
	}
	if asked != nil {
		d.problem("leftovers", asked)
	}
}

// leastDisk is how much room a pull or a run wants.
const leastDisk = 2 << 30

// disk looks at the room that is left for images, volumes and containers.
func (d *doctor) disk(ctx context.Context, b engine.Backend) {
	disk, ok := b.(backends.Disk)
	if !ok {
		return
	}
	space, err := disk.DiskSpace(ctx)
	switch {
	case err != nil:
		d.problem("disk", err)
	case space.Total == 0: // elsewhere
	case space.Free < leastDisk:
		d.problem("disk", &faultError{fmt.Sprintf("%s are free of %s at %s", ui.Bytes(space.Free), ui.Bytes(space.Total), space.Path),
			"`docker system prune` and 'kurtosis clean' make room"})
	default:
		d.ok("disk", "%s are free of %s at %s", ui.Bytes(space.Free), ui.Bytes(space.Total), space.Path)
	}
}

// engine looks at the engine and at what it says of its enclaves. One that doesn't run is started when it is needed.
func (d *doctor) engine(ctx context.Context, b engine.Backend) {
	const check = "engine"
	name, err := engineName()
	if err != nil {
		return // the configuration is a problem already
	}
	found, ok, err := findEngine(ctx, b, name)
	switch {
	case err != nil:
		d.problem(check, err)
		return
	case !ok:
		d.ok(check, "'%s' does not run; it is started when it is needed", name)
		return
	case found.State != backends.Running:
		d.problem(check, &faultError{fmt.Sprintf("'%s' has ended (exit status %d)", name, found.ExitCode), "'kurtosis engine logs' shows what it said, 'kurtosis engine restart' starts it"})
		return
	}
	outdated, err := isOutdated(ctx, b, found)
	if err == nil && outdated {
		err = otherVersion(name, found)
	}
	if err != nil {
		d.problem(check, err)
		return
	}
	s, err := newSession(b, name, found)
	if err != nil {
		d.problem(check, err)
		return
	}
	defer s.Close()
	list, err := s.List(ctx)
	if err != nil {
		d.problem(check, &faultError{fmt.Sprintf("'%s' runs but does not answer: %s", name, err), "'kurtosis engine logs' shows what it says"})
		return
	}
	where := "as " + found.ID // where nothing is published
	if at := publishedAt(found); at != "" {
		where = "on " + at
	}
	d.ok(check, "'%s' runs %s (%s)", name, where, found.Labels[backends.LabelBuild])
	for _, enclave := range list {
		d.enclave(ctx, s, enclave)
	}
}

// strangers are enclaves of engines that do not run: no command finds them.
func (d *doctor) strangers(ctx context.Context, b engine.Backend) {
	enclaves, err := b.ListEnclaves(ctx)
	if backends.KindOf(err) == backends.PermissionDenied {
		return // who may work with a cluster's engine need not see all that is there
	}
	if err != nil {
		d.problem("enclaves", err)
		return
	}
	engines, err := b.ListSystems(ctx, backends.ContainerTypeEngine)
	if err != nil {
		d.problem("enclaves", err)
		return
	}
	there := map[string]bool{engine.DefaultName: true} // started when it is needed
	if own, err := engineName(); err == nil {
		there[own] = true
	}
	for _, s := range engines {
		there[s.Labels[backends.LabelEngine]] = true
	}
	for _, e := range enclaves {
		if owner := engine.OwnerOf(e); !there[owner] {
			d.say(finding{"enclave " + e.Name, "note", fmt.Sprintf("it is of engine '%s', which does not run", owner),
				fmt.Sprintf("'kurtosis engine start --name %s' starts one that has it again; %s=%s then makes commands use that", owner, engineVariable, owner)})
		}
	}
}

func (d *doctor) enclave(ctx context.Context, s *session, found client.EnclaveInfo) {
	check := "enclave " + found.Name
	if !found.Running() {
		if found.Status == backends.EnclaveRunning {
			d.problem(check, &faultError{"its services run, and its API container doesn't", fmt.Sprintf("'kurtosis enclave start %s' starts it", found.Name)})
			return
		}
		d.ok(check, "stopped")
		return
	}
	e, err := s.dial(found)
	if err == nil {
		defer e.Close()
		var held client.Inspection
		if held, err = e.Inspect(ctx); err == nil {
			d.ok(check, "%d services, %d files artifacts", len(held.Services), len(held.Artifacts))
			for _, file := range held.SetAside {
				d.say(finding{check, "note", "its state could not be read and was set aside as " + file,
					"services run on; the next run does all of its steps and updates them in place. The file goes with the enclave"})
			}
			return
		}
	}
	d.problem(check, fmt.Errorf("its API container does not answer: %w", err))
}

// leftovers finds what nothing owns and removes it where that is wanted.
func (d *doctor) leftovers(ctx context.Context, b engine.Backend, force bool) error {
	finder, ok := b.(backends.Leftovers)
	if !ok {
		return nil
	}
	list, err := finder.Leftovers(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		d.ok("leftovers", "none")
		return nil
	}
	if d.output != formatJSON {
		table := ui.Table{Head: []string{"Left over", "Name", "Of enclave"}}
		for _, l := range list {
			table.Rows = append(table.Rows, []string{string(l.Kind), l.Name, backends.ShortUUID(l.Enclave)})
		}
		if err := table.Write(d.Out, d.outStyle()); err != nil {
			return err
		}
	}
	fact := "1 object belongs to no enclave"
	if len(list) > 1 {
		fact = fmt.Sprintf("%d objects belong to no enclave", len(list))
	}
	remove := force
	if in, isFile := d.In.(*os.File); !force && isFile && term.IsTerminal(int(in.Fd())) && d.output != formatJSON {
		remove = d.confirm(fact, "remove them?") == nil
	}
	var failed error
	for _, l := range list {
		doc := leftoverDocument{Kind: string(l.Kind), Name: l.Name, Enclave: l.Enclave}
		if remove {
			err := finder.RemoveLeftover(ctx, l)
			failed = errors.Join(failed, err)
			doc.Removed = err == nil
		}
		d.doc.Leftovers = append(d.doc.Leftovers, doc)
	}
	switch {
	case failed != nil:
		return failed
	case !remove:
		return &faultError{fact, "'kurtosis doctor -f' removes what is left over"}
	}
	d.ok("leftovers", "%d removed", len(list))
	return nil
}
