"""Benchmarks of this publisher and other upload tools: `hatch run bench:all`. See `docs/contributing/benchmarks.md`."""
