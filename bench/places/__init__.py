"""How well places are found: the garbles that are published, and what is measured on them."""
