"""The ways in over HTTP: the two environments' own protocols and the administration interfaces."""
