"""What was asked for: flags, environment variables, `-o` options and configuration tables."""
