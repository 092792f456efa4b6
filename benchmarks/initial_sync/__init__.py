"""Initial sync at scale: against a raw pipe, over two hundred legal entities, and beside people who go on working."""
