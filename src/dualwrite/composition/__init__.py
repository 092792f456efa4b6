"""The one place where the real parts are put together: the house, and the services over it."""
