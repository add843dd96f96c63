"""Tiny datasets in their official layouts: `tests.formats.<folder>.write(folder)` writes what unpacking the archives gives.

`ARCHIVES` says which part of the tree every archive of the registry holds; `tests.formats.pack` makes them.
"""
