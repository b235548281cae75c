"""The mesh: what every process needs to serve RPCs, call others, prove its identity, and report errors.

Depends on the contract of identity and on no service's code.
"""
