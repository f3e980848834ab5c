"""What a person sees: the only room that prints."""
