"""The user's side: lines, progress, JSON, GitHub Actions. The only package that prints."""
