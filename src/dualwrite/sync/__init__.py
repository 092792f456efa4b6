"""The engine: change sets in, transactions out. Live sync, recovery, initial copy, comparison. No HTTP, no console."""
