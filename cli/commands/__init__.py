"""One module a command group; each has a `register` that adds its commands."""
