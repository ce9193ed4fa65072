"""The only place that knows SQL and drivers."""
