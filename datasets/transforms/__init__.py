"""Image transforms: distortions make a data set harder, corruptions test a trained network."""
