"""Readers of the datasets' official layouts, one module each; `data.reader_names.READERS` knows them by name."""
