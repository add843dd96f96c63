"""How supervision shapes ViTs (Walmer et al. 2023): the study's own room."""
