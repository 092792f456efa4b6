"""Long actions: how far they are, polled or streamed."""
