"""The environments that third parties register: thin shells around the simulator."""
