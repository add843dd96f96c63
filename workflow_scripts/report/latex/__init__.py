"""The report as LaTeX: a folder of sources that compiles to a PDF and whose parts stand in a paper."""
