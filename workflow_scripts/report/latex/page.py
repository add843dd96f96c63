"""The size of the report's page, in points; ``preamble.tex`` sets the same."""

TEXT_WIDTH = 493.0  # A4 less margins of 18 mm
TEXT_HEIGHT = 706.0
LINE = 11.0  # of a caption
CHARACTERS_A_LINE = 105  # of a caption
SHARED = "assets"  # folder of the HTML report's figures, beside this report's; the preamble and the Makefile know it as well
