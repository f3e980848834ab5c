"""A comparison of upload tools: the tools, the situations, and the tables of `docs/comparison.md`."""
