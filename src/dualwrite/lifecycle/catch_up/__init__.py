"""Catching up: maps that were paused go live again, with what waited for them brought to its end.

states    which action a catch-up allows in which state
moving    maps moved from state to state, and how a catch-up lets go of them
desk      what people do: catch-ups are begun and looked up
work      what the workers of a catch-up do, piece by piece
limits    how much may wait for how long, and what happens then
watching  the limits are watched, and nothing stays in the queue of a map that does not run
"""
