"""How fast this publisher is beside other upload tools: `hatch run bench:all`. See `docs/contributing/benchmarks.md`."""
