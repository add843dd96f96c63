"""Figures of the thesis study, one module per figure."""
