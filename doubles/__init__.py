"""The vendors' protocols as local servers: for tests, and for trying the product without keys.

They know nothing of the product's own code: their airports come from another table and their shapes from recorded answers, so that a
parser and its double can't agree on a mistake.
"""
