"""Errors, whole-or-nothing writes, tables, progress and seeds: what every room may use."""
