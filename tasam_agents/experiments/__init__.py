"""What is measured of trained runs, and how runs are compared."""
