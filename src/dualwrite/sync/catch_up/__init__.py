"""Catch-up: what was queued while maps were paused is carried to the other side, in order.

touching   which queued transactions touch the same records or relationships
conflicts  records that both sides have changed meanwhile
replay     the queue replayed, group by group
"""
