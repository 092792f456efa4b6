"""Demonstration data: what a new finance and operations environment is filled with on a first start."""
