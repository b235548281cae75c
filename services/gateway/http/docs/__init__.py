"""Pages about the contracts: the HTTP API in Swagger UI, and a reference of the gRPC services."""
