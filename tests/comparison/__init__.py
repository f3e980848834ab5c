"""What upload tools do in the same situations: the tools, the situations, and the tables of `docs/comparison.md`."""
