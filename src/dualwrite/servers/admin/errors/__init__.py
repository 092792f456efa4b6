"""The errors: changes that could not be carried to the other side."""
