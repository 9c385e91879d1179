"""A slow, plain reading of the paper, against which the kernels are held."""
