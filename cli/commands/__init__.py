"""One module per group of commands; each has a `register` function that adds its commands."""
