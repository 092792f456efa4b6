"""Durable workflows: runs go on although processes die, spread over all that take part.

limits        how much is done at the same time
liveness      which processes are alive
shift         what this process is carrying out, and how it leaves
plan          what is put into the queue
ledger        the workflows as they are recorded
initial_sync  the workflows of a run, and its steps
runtime       DBOS in this process
watch         what dead processes left is taken over; what has ended long ago is forgotten
workers       this process's part in the work, joined when it is first needed
conductor     the runs' conductor

The state that people see is the store's; the workflows can be begun again from there at any time. DBOS is imported by
``ledger``, ``initial_sync``, ``runtime`` and ``watch`` only, which ``workers`` loads when they are needed.
"""
