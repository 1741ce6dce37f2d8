"""Supernets: one network that holds every architecture of a space, trained once with shared weights."""
