package plan

// Environment is what an enclave holds before a run.
type Environment struct {
	Services  []ExistingService
	Artifacts []string // names of files artifacts
}

// ExistingService is a service that is there already.
type ExistingService struct {
	Name  string
	Ports Map[PortSpec]
}

// Service finds a service by name.
func (e Environment) Service(name string) (ExistingService, bool) {
	for _, s := range e.Services {
		if s.Name == name {
			return s, true
		}
	}
	return ExistingService{}, false
}
