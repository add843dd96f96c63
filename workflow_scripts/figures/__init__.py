"""Tables and maps -> figures, in one shared style."""
