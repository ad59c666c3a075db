// The example's service is a module of its own, as a user's would be.
module github.com/kurtosis-go/kurtosis/examples/guestbook/api

go 1.26

require github.com/lib/pq v1.10.9
