"""JSON over HTTP: every public RPC, with the routes of its `google.api.http` option."""
