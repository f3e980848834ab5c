"""The places a credential can come from, one module each."""
