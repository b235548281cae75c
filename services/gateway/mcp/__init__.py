"""The Model Context Protocol: every RPC that the contracts offer as a tool, for assistants that call tools."""
