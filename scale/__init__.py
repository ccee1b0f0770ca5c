"""Beyond one process: replicas, models on other servers, and training on several machines.

Each engine is one that exists; what is here ties them to the suite and runs them on loopback.
"""
