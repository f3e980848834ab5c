"""The index over HTTP: one client, uploads, the simple API, and what its answers mean."""
