"""A model: registry entry -> checkpoint on disk -> a ViT with named layers and facets."""
