"""The registers study: high-norm tokens, and what they do to object discovery (Darcet et al. 2024)."""
