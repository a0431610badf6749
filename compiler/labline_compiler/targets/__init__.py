"""Where a pipeline can run. One file a target; each imports its engine's SDK only when it is used."""
