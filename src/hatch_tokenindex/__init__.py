"""A Hatch publisher plugin that finds, judges, narrows and remembers the credential of every project it uploads."""
