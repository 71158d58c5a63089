"""The run process: starts what trains, records what it tells, obeys commands, and says how it ended."""
