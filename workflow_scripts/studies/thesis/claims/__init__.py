"""The study's claims as code, each a small function from the evidence of a run to a verdict, called as the claim's id is.

Claims: Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862) and the thesis chapter made of it, above all its
Table 2.3; ``published.yaml`` beside this folder has them as data.
"""
