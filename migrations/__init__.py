"""The schema, one subject per version, in plain SQL."""
