"""The health of table maps: what was looked at, what is wrong, and how it is put right.

findings       the codes, and a finding as a value
map_checks     what can be told from the map and its tables alone
state_checks   what can be told from how the map stands: state, queue, errors, divergence
examination    looks everything up
"""
