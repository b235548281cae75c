"""ASGI middleware in front of all routes: access control and security headers."""
