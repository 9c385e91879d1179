"""One step of the network, concept by concept: a file holds its formula, its parameters and its kernels."""
