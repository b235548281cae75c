"""Identity: customer accounts, sessions and their tokens, and grants for voice agents.

`app` assembles the service, `servicer` implements its contract, `store` is its database.
"""
