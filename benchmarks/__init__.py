"""What things cost: measured side by side in one run, told as ratios."""
