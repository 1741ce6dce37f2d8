"""Transforms of images: distortions that make a data set harder, and corruptions that test a network."""
