"""Table maps: values, their texts, compiling them against two schemas, running a compiled map on rows. Pure."""
