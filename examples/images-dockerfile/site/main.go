// Command site answers every request with a greeting that was chosen when it was built.
package main

import (
	"fmt"
	"log"
	"net/http"
)

var greeting = "hello"

func main() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, greeting) })
	log.Fatal(http.ListenAndServe(":8080", handler))
}
