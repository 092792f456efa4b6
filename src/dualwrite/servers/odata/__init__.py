"""The OData v4 pieces that both served environments share: paths, options, batches, bodies, errors of form."""
