"""`tasam generalise`: runs on scenarios they were not trained on."""
