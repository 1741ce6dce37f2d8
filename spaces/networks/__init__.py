"""Networks of the search spaces, in torch: only training loads them."""
