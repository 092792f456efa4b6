"""The Dataverse Web API: an environment served the way Dataverse serves its own."""
