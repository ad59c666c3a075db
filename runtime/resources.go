package runtime

import (
	"fmt"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

const megabyte = 1_000_000

// resources says which steps ask for more than an engine has. It counts what the services of the plan want at least,
// as if all of them ran at once; what others use is theirs to give back.
func resources(p *plan.Plan, info backends.Info) []plan.Problem {
	const hint = "give the engine more, ask for less, or run with --resource-check=false"
	var problems []plan.Problem
	var cpu, memory int64
	wanted := map[string]plan.ServiceConfig{}
	for _, s := range p.Steps {
		in, err := s.Instruction()
		if err != nil {
			continue // the executor says so
		}
		var configs []plan.Entry[plan.ServiceConfig]
		switch in := in.(type) {
		case *plan.AddService:
			configs = []plan.Entry[plan.ServiceConfig]{{Key: in.Name, Value: in.Config}}
		case *plan.AddServices:
			configs = in.Configs
		}
		for _, c := range configs {
			before := wanted[c.Key]
			wanted[c.Key] = c.Value
			moreCPU := int64(c.Value.MinCPU) - int64(before.MinCPU)
			moreMemory := int64(c.Value.MinMemory) - int64(before.MinMemory)
			cpu, memory = cpu+moreCPU, memory+moreMemory
			if info.TotalCPU > 0 && moreCPU > 0 && cpu > info.TotalCPU {
				problems = append(problems, plan.Problem{Code: "not-enough-cpu", Position: s.Position, Step: s.ID, Hint: hint, Message: fmt.Sprintf(
					"service '%s' needs %d thousandths of a CPU, with the services before it %d, and the engine has %d", c.Key, c.Value.MinCPU, cpu, info.TotalCPU)})
			}
			if info.TotalMemory > 0 && moreMemory > 0 && memory > info.TotalMemory/megabyte {
				problems = append(problems, plan.Problem{Code: "not-enough-memory", Position: s.Position, Step: s.ID, Hint: hint, Message: fmt.Sprintf(
					"service '%s' needs %d MB of memory, with the services before it %d MB, and the engine has %d MB", c.Key, c.Value.MinMemory, memory, info.TotalMemory/megabyte)})
			}
		}
	}
	return problems
}
