"""The study's claims as code, each a small function from the evidence of a run to a verdict, called as the claim's id is.

Claims: Darcet et al. (arXiv 2309.16588v2); ``published.yaml`` beside this folder has them as data. They are about the paper's
methods, by size where the paper says so. A model has high-norm patches if its norms have a cutoff and some are above it. Where
a claim asks whether there are any, a share of 0 is a result; where it asks what they hold, a model without them says nothing.
"""
