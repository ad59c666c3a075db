package builtins

import "slices"

// Removed is a name that earlier versions of Kurtosis had. Using it fails today; the row tells what to write.
type Removed struct {
	Receiver, Name string
	Replacement    string // qualified name that takes the same arguments, or "" when there is none
	Hint           string
}

var removed = []Removed{
	{"plan", "assert", "plan.verify", "plan.assert is called plan.verify now"},
	{"plan", "store_files_from_service", "plan.store_service_files", "use plan.store_service_files"},
	{"plan", "update_service", "", "add the service again with plan.add_service, or override parts of it with plan.set_service"},
	{"plan", "set_connection", "", "subnetworks were removed; there is no replacement"},
	{"plan", "remove_connection", "", "subnetworks were removed; there is no replacement"},
	{"", "UpdateServiceConfig", "", "subnetworks were removed; there is no replacement"},
	{"", "ConnectionConfig", "", "subnetworks were removed; there is no replacement"},
	{"", "UniformPacketDelayDistribution", "", "subnetworks were removed; there is no replacement"},
	{"", "NormalPacketDelayDistribution", "", "subnetworks were removed; there is no replacement"},
	{"", "HttpRequestRecipe", "", "use GetHttpRequestRecipe or PostHttpRequestRecipe"},
}

// FindRemoved returns what replaced a name that is no longer there, or nil. An instruction called without its
// plan, as was done before plans existed, is such a name, too.
func FindRemoved(receiver, name string) *Removed {
	i := slices.IndexFunc(removed, func(r Removed) bool { return r.Receiver == receiver && r.Name == name })
	if i >= 0 {
		r := removed[i]
		return &r
	}
	if receiver == "" && Lookup("", name) == nil && Lookup("plan", name) != nil {
		return &Removed{Name: name, Replacement: "plan." + name, Hint: "instructions are methods of the plan: write plan." + name}
	}
	return nil
}

// Former finds the parameter of the row that once had that name, or returns nil.
func (b *Builtin) Former(name string) *Param {
	for i := range b.Params {
		if slices.Contains(b.Params[i].Former, name) {
			return &b.Params[i]
		}
	}
	return nil
}
