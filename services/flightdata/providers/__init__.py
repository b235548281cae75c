"""The provider protocol, and the policies for calls to providers: routing, hedging, breakers, budgets."""
