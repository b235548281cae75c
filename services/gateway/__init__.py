"""The gateway, which serves the services' contracts over protocols other than gRPC."""
