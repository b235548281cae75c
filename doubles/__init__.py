"""The vendors' protocols as local servers, for tests and for trying the product without keys.

They import no domain code of the product. Their airports come from another table and their shapes from
recorded responses, so a parser and its double can't share a mistake.
"""
