"""The study's figures that are drawn by modules of their own, each a function ``draw(data)``."""
