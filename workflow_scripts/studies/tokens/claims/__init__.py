"""The study's claims as code, each a small function from the evidence of a run to a verdict, called as the claim's id is.

Claims: Kaltampanidis et al. (arXiv 2509.15272v1); ``published.yaml`` beside this folder has them as data. All are about the two
models of the paper, DINO and MAE. The stored text lost its names of tokens: where a claim is about one certain token, it says
which we take it for. An order holds by its numbers; where both have intervals (over concepts) and these overlap, the reason
says so.
"""
