"""Values of the booking domain. Nothing here knows the database, gRPC, or the time."""
