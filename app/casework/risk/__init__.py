"""Break risk: the chance that the instalments of an agreement are paid, as a model that is data says it."""
