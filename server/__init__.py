"""Commands as HTTP routes and socket methods; bytes in, bytes out; this process's sockets."""
