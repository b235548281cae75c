"""What makes a process a member of the mesh: serving, calling, proving who one is, failing well. Knows no service."""
