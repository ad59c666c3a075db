package server

func commandNames() []string { return []string{"kurtosis.fetchDependency"} }
