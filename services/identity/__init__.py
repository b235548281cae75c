"""Identity: customers, their sessions, and the grants under which a voice agent acts for them.

`app` puts the service together, `servicer` is its contract, `store` its database; every other module is one rule.
"""
