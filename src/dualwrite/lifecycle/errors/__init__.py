"""Error management: changes that failed are looked at, tried again, dismissed, taken along, and forgotten in time.

desk       what an administrator does with errors
reports    how a retry has ended
download   errors as a file
retention  how long errors are kept
"""
