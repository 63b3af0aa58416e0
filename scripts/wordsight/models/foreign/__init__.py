"""Read files of weights that others wrote, without running any code in them."""
