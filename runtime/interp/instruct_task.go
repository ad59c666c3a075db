package interp

import (
	"fmt"
	"time"

	"go.starlark.net/starlark"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

func (r *run) exec(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	step.Description = fmt.Sprintf("Executing command on service '%s'", c.text("service_name"))
	return r.recipeResult(step, c.get("recipe").(*object)), nil
}

func (r *run) request(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	recipe := c.get("recipe").(*object)
	method := "GET"
	if recipe.row.Name == "PostHttpRequestRecipe" {
		method = "POST"
	}
	step.Description = fmt.Sprintf("Running '%s' request on service '%s'", method, c.text("service_name"))
	return r.recipeResult(step, recipe), nil
}

const defaultWaitTimeout = "10s"

func (r *run) wait(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	if message := wrongTarget(c.text("assertion"), c.get("target_value")); message != "" {
		return nil, &fault{message: message}
	}
	timeout := c.text("timeout")
	if timeout == "" {
		timeout = defaultWaitTimeout
	}
	if d, err := time.ParseDuration(timeout); err == nil {
		timeout = d.String()
	}
	step.Description = fmt.Sprintf("Waiting for at most '%s' for service '%s' to reach a certain state", timeout, c.text("service_name"))
	return r.recipeResult(step, c.get("recipe").(*object)), nil
}

// recipeResult is the dict of futures that a recipe resolves.
func (r *run) recipeResult(step *plan.Step, recipe *object) starlark.Value {
	id := r.source(step)
	output := "body"
	if recipe.row.Name == "ExecRecipe" {
		output = "output"
	}
	fields := []string{"code", output}
	if extract, ok := recipe.get("extract").(*starlark.Dict); ok {
		for key := range extract.Entries() {
			fields = append(fields, "extract."+textOf(key))
		}
	}
	result := starlark.NewDict(len(fields))
	for _, field := range fields {
		_ = result.SetKey(starlark.String(field), future(id, field)) // strings are hashable
	}
	return result
}

func (r *run) verify(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	if message := wrongTarget(c.text("assertion"), c.get("target_value")); message != "" {
		return nil, &fault{message: message}
	}
	step.Description = fmt.Sprintf("Verifying whether two values meet a certain condition '%s'", c.text("assertion"))
	return starlark.None, nil
}

func (r *run) print(_ *starlark.Thread, _ *call, step *plan.Step) (starlark.Value, error) {
	step.Description = "Printing a message"
	return starlark.None, nil
}

func (r *run) runSh(thread *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	step.Description = "Running sh script"
	if err := r.gate(c.row.Name, c.get); err != nil {
		return nil, err
	}
	return r.task(thread, c, step)
}

func (r *run) runPython(thread *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	step.Description = "Running Python script"
	return r.task(thread, c, step)
}

// task plans what the two tasks share: the image, and the artifacts that they leave.
func (r *run) task(thread *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	if err := r.resolveImage(thread, c.get("image"), step); err != nil {
		return nil, err
	}
	id := r.source(step)
	names := []starlark.Value{}
	if store, ok := c.get("store").(*starlark.List); ok {
		for item := range store.Elements() {
			name := ""
			if spec, ok := item.(*object); ok {
				name = textOf(spec.get("name"))
			}
			if name == "" {
				name = r.newArtifact()
			}
			names = append(names, starlark.String(name))
		}
	}
	return structValue(starlark.StringDict{
		"code": future(id, "code"), "output": future(id, "output"), "files_artifacts": starlark.NewList(names),
	}), nil
}
