package backends

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Validate refuses specs that no engine could carry out, whoever made them. Rules of the language are checked earlier.
func (s *ServiceSpec) Validate() error {
	fail := func(format string, args ...any) error {
		return Errorf(Invalid, "service %q: %s", s.Name, fmt.Sprintf(format, args...))
	}
	if s.Name == "" {
		return Errorf(Invalid, "a service needs a name")
	}
	if s.Image == "" {
		return fail("no image")
	}
	for _, id := range slices.Sorted(maps.Keys(s.Ports)) { // several ids may name one port
		if err := s.Ports[id].validate(); err != nil {
			return fail("port %q: %v", id, err)
		}
	}
	public := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(s.PublicPorts)) {
		p := s.PublicPorts[id]
		if err := p.validate(); err != nil {
			return fail("public port %q: %v", id, err)
		}
		if private, ok := s.Ports[id]; ok && private.Protocol() != p.Protocol() {
			return fail("public port %q is %s, and the port itself %s", id, p, private)
		}
		if other, ok := public[p.String()]; ok {
			return fail("public ports %q and %q are both %s", other, id, p)
		}
		public[p.String()] = id
	}
	targets := map[string]bool{}
	target := func(p string) error {
		switch clean := path.Clean(p); {
		case !strings.HasPrefix(p, "/"):
			return fail("path %q is not absolute", p)
		case clean == "/":
			return fail("nothing can be put over the root directory")
		case targets[clean]:
			return fail("two things are put at %q", clean)
		default:
			targets[clean] = true
			return nil
		}
	}
	for _, f := range s.Files {
		if err := target(f.Path); err != nil {
			return err
		}
	}
	for _, d := range s.Directories {
		if d.Key == "" {
			return fail("a persistent directory without a key at %q", d.Path)
		}
		if err := target(d.Path); err != nil {
			return err
		}
	}
	for _, host := range slices.Sorted(maps.Keys(s.BindMounts)) {
		if err := target(s.BindMounts[host]); err != nil {
			return err
		}
	}
	if s.MaxCPU < 0 || s.MinCPU < 0 || s.MaxMemory < 0 || s.MinMemory < 0 || s.ShmSize < 0 {
		return fail("a negative limit")
	}
	if s.MaxCPU > 0 && s.MinCPU > s.MaxCPU {
		return fail("min cpu %d is more than max cpu %d", s.MinCPU, s.MaxCPU)
	}
	if s.MaxMemory > 0 && s.MinMemory > s.MaxMemory {
		return fail("min memory %d is more than max memory %d", s.MinMemory, s.MaxMemory)
	}
	return nil
}

func (p Port) validate() error {
	if p.Number == 0 {
		return fmt.Errorf("no number")
	}
	switch p.Protocol() {
	case TCP, UDP, SCTP:
		return nil
	}
	return fmt.Errorf("no transport protocol %q", p.Transport)
}
