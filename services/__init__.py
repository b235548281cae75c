"""The services behind the contracts. None knows another's insides, only its contract."""
