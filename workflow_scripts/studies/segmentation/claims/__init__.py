"""The study's claims as code, each a small function from the evidence of a run to a verdict, called as the claim's id is.

Claims: Yu et al. (arXiv 2605.29691v1); ``published.yaml`` beside this folder has them as data. No number here has an interval
(IoU and NMI are of whole test sets), so an order holds by its numbers alone.
"""
