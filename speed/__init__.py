"""Speed, measured against the floor of arithmetic that the work needs. Not part of the tests."""
