"""The mesh: shared code to serve RPCs, call services, prove a process's identity, and report errors.

It depends on identity's contract, but on no service's code.
"""
