"""What waits for paused maps, on the command line.

choices    the options of these commands, and what they use of the house
pausing    maps pause, maps resume
waiting    queue list, queue count
catch_ups  catch-ups list, show, watch
following  a catch-up until it has come to its end
"""
