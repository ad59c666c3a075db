// Package api holds the .proto files of the engine and the API container, and the code generated from them: clients
// and servers for gRPC, gRPC-Web and Connect in the packages below.
package api

//go:generate ./generate.sh
