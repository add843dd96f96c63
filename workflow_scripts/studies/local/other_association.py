"""Association of objects in videos of another dataset, as rows of `association` (Vanyan et al., appendix A.8.2, MOT17)."""

from workflow_scripts.studies.local.association import rows

__all__ = ["rows"]
