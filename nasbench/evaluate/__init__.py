"""How good predictors are: metrics, splits without shared architectures, and scores by training size."""
