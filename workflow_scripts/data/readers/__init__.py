"""Readers of the datasets' official layouts, one module each; `data.reader.READERS` knows them by name."""
