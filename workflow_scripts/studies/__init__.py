"""What each study asks of a pass, and how statistics become tables."""
