"""Suppliers: the sellers that bookings are made at, behind one protocol."""
