"""Catch-up: what was queued while maps were paused is carried to the other side, in order.

touching   which queued transactions touch the same records or relationships
reading    the queue read, with what each transaction touches
conflicts  records that both sides have changed meanwhile
failing    queued records that do not arrive, as catch-up errors
replay     the queue replayed, group by group
"""
