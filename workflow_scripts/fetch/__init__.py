"""Datasets and checkpoints from where their owners keep them: downloaded, checked, unpacked. The only room with a network."""
