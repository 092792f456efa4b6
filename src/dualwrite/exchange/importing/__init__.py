"""Records of data files become records of an environment: by frames where that can be, and on both sides of a link."""
