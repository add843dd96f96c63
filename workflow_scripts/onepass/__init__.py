"""One forward pass: the engine hands every layer on, the collectors gather mergeable statistics."""
