"""What tells the rows of a Dataverse table apart."""
