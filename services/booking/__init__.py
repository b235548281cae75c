"""Booking: quotes, consent, bookings, and the people who travel.

`app` assembles the service, `servicer` implements its contract, `store` is its database, `suppliers` are the
sellers it books at.
"""
