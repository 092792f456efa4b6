"""Row filters: two languages (OData, X++ range expressions), one expression tree, several ways to run it. Pure."""
