"""Flight search: queries for each leg, ordering, journeys of several legs, and offers."""
