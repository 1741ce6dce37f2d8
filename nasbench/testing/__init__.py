"""The contracts that every space, predictor and strategy keeps, as functions to run on your own."""
