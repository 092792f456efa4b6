"""Failed records tried again.

recorded  what an error says of a row, compared with the row as it is now
judging   what of a failed record is still to be carried to the other side
retry     the records of one transaction, carried there
"""
