"""Conversations: their calls, the log of everything said and done in them, and who may write it.

`app` puts the service together, `servicer` is its contract, `store` its database. The core (`log`, `fencing`, `calls`, `takeover`,
`watching`) takes its clock, store and wake-up bus as arguments. `client/` is for those who use the service.
"""
