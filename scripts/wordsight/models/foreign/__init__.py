"""Reading files of weights that others wrote, of which nothing is executed."""
