"""What an operator watches: alerts and who is told, health, metrics and traces."""
