"""Durable workflows: runs go on although processes die, spread over all that take part.

limits        how much is done at the same time
liveness      which processes are alive
shift         what this process is carrying out, and how it leaves
plan          what is put into the queue
ledger        the workflows as they are recorded
work          the sorts of work there are, and where each is done
steps         what the workflows have in common
initial_sync  the workflows of a run of the initial sync, and its steps
catch_up      the workflows of a catch-up, and its steps
runtime       DBOS in this process
watch         what dead processes left is taken over; what has ended long ago is forgotten
workers       this process's part in the work, joined when it is first needed
conductor     the conductor of runs of one kind

The state that people see is the store's; the workflows can be begun again from there at any time. DBOS is imported by
``ledger``, ``steps``, ``initial_sync``, ``catch_up``, ``runtime`` and ``watch`` only, which ``workers`` loads when they
are needed.
"""
