"""Which token, which decision rule: Kaltampanidis et al., "Which Direction to Choose?" (arXiv 2509.15272v1)."""
