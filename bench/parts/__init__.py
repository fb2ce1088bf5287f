"""What the benches stand on: servers to measure and sockets that listen."""
