"""Finding the credential of each project, judging it, and remembering it: one module per place it can come from."""
