"""Runs of the initial sync.

desk       what people do: plan, start, pause, resume, cancel, rerun, go live
work       what workers do: prepare, carry out, second pass, finish
reports    what people look at: progress, history, refusals, details
states     which action a run allows in which state, as a table
conductor  the port to whatever drives a run
"""
