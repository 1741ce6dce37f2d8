"""Optimisers of other libraries as strategies: one file a library, each imported where it is used."""
