"""Signing up, in and out: routes, the encrypted cookie, and the sessions of signed-in browsers."""
