"""`tasam forget`: what learning one scenario costs on another."""
