"""The provider protocol, and the policies for asking providers: routing, hedging, breakers, health and budgets."""
