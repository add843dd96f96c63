"""Tests of the registers study."""
