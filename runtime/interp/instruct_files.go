package interp

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// artifactName is the name that the caller gave, or the next one that is made up.
func (r *run) artifactName(c *call) string {
	if name := c.text("name"); name != "" {
		return name
	}
	return r.newArtifact()
}

func (r *run) uploadFiles(thread *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	locator := c.text("src")
	if !isURL(locator) {
		target, err := r.resolve(thread, locator)
		if err != nil {
			return nil, err
		}
		step.Locators = append(step.Locators, plan.Resolved{Locator: locator, Path: target.Path})
	}
	name := r.artifactName(c)
	step.Description = fmt.Sprintf("Uploading file '%s' to files artifact '%s'", locator, name)
	return starlark.String(name), nil
}

func isURL(locator string) bool {
	return strings.HasPrefix(locator, "http://") || strings.HasPrefix(locator, "https://")
}

func (r *run) storeServiceFiles(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	name := r.artifactName(c)
	step.Description = fmt.Sprintf("Storing files from service '%s' at path '%s' to files artifact with name '%s'", c.text("service_name"), c.text("src"), name)
	return starlark.String(name), nil
}

func (r *run) getFilesArtifact(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	step.Description = fmt.Sprintf("Fetching files artifact '%s'", c.text("name"))
	return starlark.String(c.text("name")), nil
}

func (r *run) renderTemplates(_ *starlark.Thread, c *call, step *plan.Step) (starlark.Value, error) {
	config := c.get("config").(*starlark.Dict)
	if config.Len() == 0 {
		return nil, cannotConstruct(c.row, `the following argument(s) could not be parsed or did not pass validation: {"config":"The 'config' argument should be a non-empty dictionary"}`, "")
	}
	for key, value := range config.Entries() {
		if _, ok := key.(starlark.String); !ok {
			return nil, notA(fmt.Sprintf("config.key:%v", key), "string", key)
		}
		if err := checkTemplate(textOf(key), value); err != nil {
			return nil, err
		}
	}
	name := r.artifactName(c)
	step.Description = fmt.Sprintf("Rendering a template to a files artifact with name '%s'", name)
	return starlark.String(name), nil
}

// checkTemplate checks one entry of render_templates: a template, and data that JSON can hold.
func checkTemplate(path string, v starlark.Value) error {
	s, ok := v.(*starlarkstruct.Struct)
	if !ok {
		return &fault{message: fmt.Sprintf("Expected value of key '%s' in 'config' to be a struct(template=…, data=…), got '%s'", path, v.Type())}
	}
	template, err := s.Attr("template")
	if err != nil || template == nil {
		return &fault{message: fmt.Sprintf("Expected key '%s' in 'config' to have a 'template'", path), hint: "struct(template = \"…\", data = {…})"}
	}
	if _, ok := template.(starlark.String); !ok {
		return notA(fmt.Sprintf("config[%q].template", path), "string", template)
	}
	data, err := s.Attr("data")
	if err != nil || data == nil {
		return &fault{message: fmt.Sprintf("Expected key '%s' in 'config' to have 'data'", path), hint: "struct(template = \"…\", data = {…})"}
	}
	converted, err := convert(data)
	if err != nil {
		return err
	}
	if _, err := plan.EncodeJSON(converted); err != nil {
		return &fault{message: fmt.Sprintf("The data of the template '%s' cannot be written as JSON", path), causes: []string{err.Error()}}
	}
	return nil
}
