"""The study's claims as code, each a small function from the evidence of a run to a verdict, called as the claim's id is.

Claims: Vanyan et al. (arXiv 2401.00463v2); ``published.yaml`` beside this folder has them as data. They are about roles, the
paper's models by their methods (`studies.local.methods`); a claim about several is judged by those that the run has, and says
which it lacks. MODEL - m is without as many features as the run removes, 200 of 768 in the paper; what the paper says of
fewer or of shared ones is scaled to that. An order holds by its numbers; where intervals overlap, the reason says so.
"""
