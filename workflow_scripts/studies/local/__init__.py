"""The study of local representations (Vanyan et al. 2024): what features of single patches hold."""
