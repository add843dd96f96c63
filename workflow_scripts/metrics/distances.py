"""The distances by which neighbours are looked for, by name; for what compares few things without PyTorch as well."""

EUCLIDEAN, COSINE = "euclidean", "cosine"
