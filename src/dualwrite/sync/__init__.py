"""The engine: change sets in, transactions out. Live sync, recovery, initial sync, comparison. No HTTP, no console."""
