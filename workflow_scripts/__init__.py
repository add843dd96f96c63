"""ViT Atlas: one command per workflow rule, and the rooms that the commands call."""
