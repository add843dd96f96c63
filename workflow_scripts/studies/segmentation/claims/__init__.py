"""The study's claims as code, each a small function from the evidence of a run to a verdict, called as the claim's id is.

Claims: Yu et al. (arXiv 2605.29691v1); ``published.yaml`` beside this folder has them as data. An order holds by its numbers;
where both have intervals (IoU, over images; NMI has none) and these overlap, the reason says so.
"""
