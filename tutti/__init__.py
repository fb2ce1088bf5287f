"""Everything Tutti knows; no HTTP, no Dramatiq, no Jinja."""
