"""The provider protocol, and the policies of asking providers: routing, hedging, breakers, budgets."""
