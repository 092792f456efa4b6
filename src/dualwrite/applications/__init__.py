"""Business concepts on top of plain sync: what a company, a customer, a product needs beyond its table maps."""
