"""The settings of a run: flags, environment variables, `-o` options and configuration tables."""
