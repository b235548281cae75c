"""The gateway: the services' contracts over other protocols than gRPC."""
