"""The store: schema, plans, failures."""
