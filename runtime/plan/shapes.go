package plan

import (
	"errors"
	"reflect"
	"time"
)

// The defaults below are the table's; a test compares them.

const defaultTaskWait = 180 * time.Second

func (e *Exec) defaults() { e.AcceptableCodes = []int64{0} }

func (r *Request) defaults() {
	r.AcceptableCodes = []int64{200, 201, 202, 203, 204, 205, 206, 207, 208, 226}
}

func (w *Wait) defaults() { w.Interval, w.Timeout = time.Second, 10*time.Second }

func (r *ReadyCondition) defaults() { r.Interval, r.Timeout = time.Second, 15*time.Minute }

func (r *RunSh) defaults() {
	wait := defaultTaskWait
	r.Image, r.Wait, r.AcceptableCodes = Image{Name: "badouralix/curl-jq"}, &wait, []int64{0}
}

func (r *RunPython) defaults() {
	wait := defaultTaskWait
	r.Image, r.Wait, r.AcceptableCodes = Image{Name: "python:3.11-alpine"}, &wait, []int64{0}
}

func (c *ServiceConfig) defaults() {
	c.IPPlaceholder, c.TiniEnabled = "KURTOSIS_IP_ADDR_PLACEHOLDER", true
}

func (c *ServiceConfig) finish() error {
	if c.MaxCPU == 0 {
		c.MaxCPU = c.DeprecatedCPU
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = c.DeprecatedMemory
	}
	return nil
}

func (p *PortSpec) defaults() {
	wait := 2 * time.Minute
	p.TransportProtocol, p.Wait = "TCP", &wait
}

func (p *PortSpec) finish() error {
	if p.TransportProtocol == "" {
		p.TransportProtocol = "TCP"
	}
	if p.Number == 0 {
		return errors.New("the port has no number")
	}
	return nil
}

func (g *GpuConfig) defaults() {
	g.Driver = GpuDriver{Docker: "nvidia", Kubernetes: "nvidia.com/gpu"}
}

const megabyte = 1024 * 1024

func (d *Directory) decode(v Value) error {
	switch v := v.(type) {
	case String:
		*d = Directory{ArtifactNames: []string{string(v)}}
		return nil
	case *Object:
		type plain Directory // without this method
		var p plain
		if err := decodeFields(v.Constructor, v.Fields, reflect.ValueOf(&p).Elem()); err != nil {
			return err
		}
		*d = Directory(p)
		if d.PersistentKey != "" {
			if d.Size == 0 {
				d.Size = 1024
			}
			d.Size *= megabyte
		}
		return nil
	}
	return expected("the name of a files artifact or a Directory", v)
}

func (i *Image) decode(v Value) error {
	*i = Image{}
	switch v := v.(type) {
	case String:
		i.Name = string(v)
		return nil
	case *Object:
		switch v.Constructor {
		case "ImageSpec":
			i.Spec = new(ImageSpec)
			return decodeFields(v.Constructor, v.Fields, reflect.ValueOf(i.Spec).Elem())
		case "ImageBuildSpec":
			i.Build = new(ImageBuildSpec)
			return decodeFields(v.Constructor, v.Fields, reflect.ValueOf(i.Build).Elem())
		case "NixBuildSpec":
			i.Nix = new(NixBuildSpec)
			return decodeFields(v.Constructor, v.Fields, reflect.ValueOf(i.Nix).Elem())
		}
	}
	return expected("an image", v)
}

func (r *Recipe) decode(v Value) error {
	*r = Recipe{}
	if o, ok := v.(*Object); ok {
		if o.Constructor == "ExecRecipe" {
			r.Exec = new(ExecRecipe)
			return decodeFields(o.Constructor, o.Fields, reflect.ValueOf(r.Exec).Elem())
		}
		r.HTTP = new(HTTPRecipe)
		return r.HTTP.decode(v)
	}
	return expected("a recipe", v)
}

func (r *HTTPRecipe) decode(v Value) error {
	o, ok := v.(*Object)
	if !ok {
		return expected("an HTTP recipe", v)
	}
	type plain HTTPRecipe // without this method
	var p plain
	switch o.Constructor {
	case "GetHttpRequestRecipe":
		p.Method = "GET"
	case "PostHttpRequestRecipe":
		p.Method, p.ContentType = "POST", "application/json"
	default:
		return expected("an HTTP recipe", v)
	}
	if err := decodeFields(o.Constructor, o.Fields, reflect.ValueOf(&p).Elem()); err != nil {
		return err
	}
	*r = HTTPRecipe(p)
	return nil
}

func (s *StoreSpec) decode(v Value) error {
	switch v := v.(type) {
	case String:
		*s = StoreSpec{Src: string(v)}
		return nil
	case *Object:
		type plain StoreSpec // without this method
		var p plain
		if err := decodeFields(v.Constructor, v.Fields, reflect.ValueOf(&p).Elem()); err != nil {
			return err
		}
		*s = StoreSpec(p)
		return nil
	}
	return expected("a path or a StoreSpec", v)
}

func (d *GpuDriver) decode(v Value) error {
	switch v := v.(type) {
	case String:
		*d = GpuDriver{Docker: string(v), Kubernetes: string(v) + ".com/gpu"}
		return nil
	case *Dict:
		if docker, ok := v.Get("docker"); ok {
			d.Docker = StringOf(docker)
		}
		if kubernetes, ok := v.Get("kubernetes"); ok {
			d.Kubernetes = StringOf(kubernetes)
		}
		return nil
	}
	return expected("a driver name or a dict", v)
}
