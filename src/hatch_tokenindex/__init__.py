"""A Hatch publisher plugin that uploads each project to a package index with its own credential."""
