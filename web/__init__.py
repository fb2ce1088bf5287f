"""Pages: each calls a command through its slice and draws a template; the same fragment serves a swap."""
