"""What makes a process a member of the mesh: serving, calling, proving who one is, failing well. Knows the contract of identity, and no
service's insides."""
