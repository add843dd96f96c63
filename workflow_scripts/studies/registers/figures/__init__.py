"""The figures of this study that the kit does not draw by itself."""
